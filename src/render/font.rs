//! The fonts of the system, and those that come as files.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

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

/// Fonts of the system by the family that they call themselves beside that of all their widths and weights, in lower case: "roboto
/// condensed" of "Roboto", "inter semibold" of "Inter" (OpenType, table "name", IDs 1 and 16).
pub struct OwnNames(HashMap<String, Vec<fontdb::ID>>);

impl OwnNames {
    /// Looks into all their files, but not into those that came as files: what these call themselves may be the name of another.
    pub fn of(database: &fontdb::Database) -> Self {
        const FAMILY: u16 = ttf_parser::name_id::FAMILY;
        let names_of = |data: &[u8], index: u32| {
            let names = ttf_parser::Face::parse(data, index).ok().map(|face| face.names())?;
            let families = names.into_iter().filter(|name| name.name_id == FAMILY).filter_map(|name| name.to_string());
            Some(families.map(|name| name.to_lowercase()).collect::<BTreeSet<_>>())
        };
        let mut found: HashMap<String, Vec<fontdb::ID>> = HashMap::new();
        for face in database.faces().filter(|face| !matches!(face.source, fontdb::Source::Binary(_))) {
            for name in database.with_face_data(face.id, names_of).flatten().into_iter().flatten() {
                found.entry(name).or_default().push(face.id);
            }
        }
        Self(found)
    }

    /// Makes those of a family known by its name.
    pub fn know(&self, database: &mut fontdb::Database, family: &str) {
        for id in self.0.get(&family.to_lowercase()).into_iter().flatten() {
            let Some(mut face) = database.face(*id).cloned() else { continue };
            face.families = vec![(family.to_owned(), fontdb::Language::English_UnitedStates)];
            face.stretch = fontdb::Stretch::Normal;
            database.push_face_info(face);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_font_of_the_system_goes_by_the_name_in_its_file_too_and_one_that_came_as_a_file_does_not() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/render/fonts/Inter-Bold.otf");
        let file = Arc::new(std::fs::read(path).unwrap());
        let weight = |database: &fontdb::Database, name: &str| {
            let found = database.query(&fontdb::Query { families: &[fontdb::Family::Name(name)], ..fontdb::Query::default() });
            found.and_then(|id| database.face(id)).map(|face| face.weight.0)
        };
        let known = |mut database: fontdb::Database| {
            let names = OwnNames::of(&database);
            names.know(&mut database, "Internal");
            names.know(&mut database, "inter");
            ["Others", "inter", "Internal"].map(|name| weight(&database, name))
        };
        let mut came = fontdb::Database::new();
        load_as(&mut came, &file, "Others");
        assert_eq!(known(came), [Some(700), None, None]);
        let mut system = fontdb::Database::new();
        system.load_font_file(path).unwrap();
        let mut face = system.faces().next().cloned().unwrap();
        system.remove_face(face.id);
        face.families = vec![("Others".to_owned(), fontdb::Language::English_UnitedStates)];
        system.push_face_info(face);
        assert_eq!(known(system), [Some(700), Some(700), None]);
    }
}
