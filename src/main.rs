fn main() -> std::process::ExitCode {
    reelgraph::render::process::run_child()
}
