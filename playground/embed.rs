//! Builds the server anew when the playground was built anew. It makes nothing itself: without Node the server builds
//! too, and says how to get its playground.

fn main() {
    println!("cargo::rerun-if-changed=playground/dist");
    println!("cargo::rerun-if-changed=playground/embed.rs");
}
