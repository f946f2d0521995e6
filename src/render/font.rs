//! The fonts of the system, and those that come as files.

use std::sync::Arc;

use cosmic_text::fontdb;
use sha2::{Digest, Sha256};

/// Which fonts the system has, as a text that is another when they are.
pub fn system_fonts() -> String {
    fn look(folder: &std::path::Path, depth: usize, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            match entry.metadata() {
                Ok(file) if file.is_dir() && depth < 8 => look(&entry.path(), depth + 1, found),
                Ok(file) => found.push(format!("{} {} {:?}", entry.path().display(), file.len(), file.modified().ok())),
                Err(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    // Where fontdb looks for them when nobody is at home.
    for folder in ["/usr/share/fonts", "/usr/local/share/fonts"] {
        look(std::path::Path::new(folder), 0, &mut found);
    }
    found.sort_unstable();
    hex::encode(Sha256::digest(found.join("\n")))
}

/// Whether a file holds a font.
pub fn is_font(file: &[u8]) -> bool {
    let mut database = fontdb::Database::new();
    database.load_font_data(file.to_vec());
    !database.is_empty()
}

/// Loads a font under a name of ours: what it calls itself may be the name of another.
pub fn load_as(database: &mut fontdb::Database, file: &Arc<Vec<u8>>, family: &str) {
    let faces = database.load_font_source(fontdb::Source::Binary(file.clone()));
    for id in faces {
        if let Some(mut face) = database.face(id).cloned() {
            database.remove_face(id);
            face.families = vec![(family.to_owned(), fontdb::Language::English_UnitedStates)];
            database.push_face_info(face);
        }
    }
}
