//! schema.graphql is the code's own.

use std::{fs, path::Path};

#[test]
fn the_schema_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let current = reelgraph::graphql::sdl();
    let written = fs::read_to_string(&path).unwrap_or_default();
    if written != current {
        // Written for the next run; in CI a stale file fails the change.
        fs::write(&path, &current).expect("written");
        panic!("schema.graphql was stale and has been written anew: look at its diff and commit it");
    }
}
