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

/// Makes fonts known by the family that they call themselves beside that of all their widths and weights: "Roboto Condensed" of
/// "Roboto", "Inter SemiBold" of "Inter" (OpenType, table "name", IDs 1 and 16).
pub fn know_as(database: &mut fontdb::Database, family: &str) {
    const FAMILY: u16 = ttf_parser::name_id::FAMILY;
    let is_called = |data: &[u8], index: u32| {
        let names = ttf_parser::Face::parse(data, index).ok().map(|face| face.names())?;
        let is_it = |name: ttf_parser::name::Name| name.to_string().is_some_and(|name| name.eq_ignore_ascii_case(family));
        Some(names.into_iter().any(|name| name.name_id == FAMILY && is_it(name)))
    };
    let is_meant = |face: &&fontdb::FaceInfo| database.with_face_data(face.id, is_called).flatten() == Some(true);
    let faces: Vec<fontdb::FaceInfo> = database.faces().filter(is_meant).cloned().collect();
    for mut face in faces {
        face.families = vec![(family.to_owned(), fontdb::Language::English_UnitedStates)];
        face.stretch = fontdb::Stretch::Normal;
        database.push_face_info(face);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_font_goes_by_the_name_in_its_file_too() {
        let file: &[u8] = include_bytes!("fonts/Inter-Bold.otf");
        let mut database = fontdb::Database::new();
        load_as(&mut database, &Arc::new(file.to_vec()), "Others");
        let weight = |database: &fontdb::Database, name: &str| {
            let found = database.query(&fontdb::Query { families: &[fontdb::Family::Name(name)], ..fontdb::Query::default() });
            found.and_then(|id| database.face(id)).map(|face| face.weight.0)
        };
        know_as(&mut database, "Internal");
        assert_eq!(["Others", "inter", "Internal"].map(|name| weight(&database, name)), [Some(700), None, None]);
        know_as(&mut database, "inter");
        assert_eq!(["Others", "inter", "Internal"].map(|name| weight(&database, name)), [Some(700), Some(700), None]);
    }
}
