//! What is known about the files of a folder: from `gazettes.csv` beside them, or from a path such as
//! `TERRITORY/DATE/name.pdf`. What is not known stays empty.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::catalog::FolderFile;
use crate::checksum::hex;
use crate::gazette::Territory;

/// The name of the table beside the files. Comma or semicolon, UTF-8 or Windows-1252, a header line with any of
/// `file, territory_id, territory_name, state_code, date, edition_number, is_extra_edition, power, url`.
pub const TABLE_NAME: &str = "gazettes.csv";

const COLUMNS: [&str; 9] = [
    "file",
    "territory_id",
    "territory_name",
    "state_code",
    "date",
    "edition_number",
    "is_extra_edition",
    "power",
    "url",
];
/// A name this near to one of ours is a slip (Jaro-Winkler, 0..1); any other column is the user's own business.
const SLIP: f64 = 0.85;

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const BRAZILIAN: &[BorrowedFormatItem<'_>] = format_description!("[day]/[month]/[year]");

/// What is wrong with `gazettes.csv`.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    #[error("could not read {path}: check that you may open it")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("could not read {path}, line {line}: check that it is a table with commas or semicolons")]
    Malformed { path: PathBuf, line: u64, source: csv::Error },
    #[error("{path} has no column `file`: its first line has to name the columns")]
    NoFileColumn { path: PathBuf },
    #[error("{path} has a column `{name}`: did you mean `{suggestion}`? Rename it, or take it out")]
    UnknownColumn { path: PathBuf, name: String, suggestion: &'static str },
    #[error("{path}, line {line}: {file} has a row already; leave one of them out")]
    Twice { path: PathBuf, line: u64, file: String },
    #[error("{path}, line {line}: territory_name or state_code without territory_id; add the id")]
    NamelessTerritory { path: PathBuf, line: u64 },
    #[error("{path}, line {line}: `{value}` is no date; write it as 2024-12-31 or 31/12/2024")]
    BadDate { path: PathBuf, line: u64, value: String },
    #[error("{path}, line {line}: `{value}` is neither true nor false, for is_extra_edition")]
    BadBoolean { path: PathBuf, line: u64, value: String },
}

/// What is known about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub territory: Territory,
    pub date: Option<Date>,
    edition_number: Option<String>,
    is_extra_edition: Option<bool>,
    power: Option<String>,
    file_url: Option<String>,
}

impl Metadata {
    /// Changes when anything known about the file does.
    pub fn checksum(&self) -> String {
        hex(&Md5::digest(format!("{self:?}")))
    }

    pub fn of_file(self, path: String, bytes: u64, modified_ns: i64, file_checksum: String) -> FolderFile {
        let metadata_checksum = self.checksum();
        let Self { territory, date, edition_number, is_extra_edition, power, file_url } = self;
        FolderFile {
            path,
            bytes,
            modified_ns,
            file_checksum,
            metadata_checksum,
            territory,
            date,
            edition_number,
            is_extra_edition,
            power,
            file_url,
        }
    }

    /// `TERRITORY/DATE/…/name`, when the second part is a date; otherwise the date that stands in the name, if one does.
    fn of_path(path: &str) -> Self {
        let mut parts = path.split('/');
        let known = match (parts.next(), parts.next().and_then(|part| Date::parse(part, ISO).ok()), parts.next()) {
            (Some(territory), Some(date), Some(_)) => Some((territory.to_owned(), date)),
            _ => None,
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let (id, date) = known.map_or_else(|| (String::new(), date_within(name)), |(id, date)| (id, Some(date)));
        Self {
            territory: Territory { id, name: String::new(), state_code: String::new() },
            date,
            edition_number: None,
            is_extra_edition: None,
            power: None,
            file_url: None,
        }
    }
}

#[derive(Debug)]
struct Row {
    metadata: Metadata,
    /// Its file is in the folder.
    has_come: bool,
}

/// The rows of `gazettes.csv`, by file. Empty when there is none.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: HashMap<String, Row>,
    /// By id.
    territories: HashMap<String, Territory>,
}

impl Table {
    /// Reads the table in `folder`, if there is one.
    pub fn beside(folder: &Path) -> Result<Self, MetadataError> {
        let path = folder.join(TABLE_NAME);
        match std::fs::read(&path) {
            Ok(content) => Self::parse(&path, &content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(MetadataError::Unreadable { path, source }),
        }
    }

    /// The row of a file; without one, what its path says, with the names that other rows give to its territory.
    pub fn metadata(&self, path: &str) -> Metadata {
        if let Some(row) = self.rows.get(path) {
            return row.metadata.clone();
        }
        let mut metadata = Metadata::of_path(path);
        if let Some(territory) = self.territories.get(&metadata.territory.id) {
            metadata.territory = territory.clone();
        }
        metadata
    }

    /// Whether the table has a row of its own for a file.
    pub fn names(&self, path: &str) -> bool {
        self.rows.contains_key(path)
    }

    /// A file that the table describes is there.
    pub fn came(&mut self, path: &str) {
        if let Some(row) = self.rows.get_mut(path) {
            row.has_come = true;
        }
    }

    /// Files that have a row and have not come, in the order of their names.
    pub fn missing(&self) -> Vec<&str> {
        let waiting = self.rows.iter().filter(|(_, row)| !row.has_come);
        let mut missing: Vec<&str> = waiting.map(|(path, _)| path.as_str()).collect();
        missing.sort_unstable();
        missing
    }

    fn parse(path: &Path, content: &[u8]) -> Result<Self, MetadataError> {
        let text = match std::str::from_utf8(content) {
            Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode(content).0.into_owned(),
        };
        let header = text.lines().next().unwrap_or_default();
        let delimiter = if header.matches(';').count() > header.matches(',').count() { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let malformed = |source: csv::Error| {
            let line = source.position().map_or(1, csv::Position::line);
            MetadataError::Malformed { path: path.to_owned(), line, source }
        };
        let columns: HashMap<String, usize> = reader
            .headers()
            .map_err(malformed)?
            .iter()
            .enumerate()
            .map(|(index, name)| (name.to_lowercase(), index))
            .collect();
        let near = |name: &str| COLUMNS.into_iter().find(|known| strsim::jaro_winkler(name, known) > SLIP);
        for name in columns.keys().filter(|name| !COLUMNS.contains(&name.as_str())) {
            if let Some(suggestion) = near(name).filter(|near| !columns.contains_key(*near)) {
                return Err(MetadataError::UnknownColumn { path: path.to_owned(), name: name.clone(), suggestion });
            }
        }
        if !columns.contains_key("file") {
            return Err(MetadataError::NoFileColumn { path: path.to_owned() });
        }
        let mut rows = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(malformed)?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |name: &str| {
                let value = columns.get(name).and_then(|index| record.get(*index)).unwrap_or_default();
                (!value.is_empty()).then(|| value.to_owned())
            };
            let Some(file) = field("file") else { continue };
            let date = match field("date") {
                Some(value) => {
                    Some(date(&value).ok_or_else(|| MetadataError::BadDate { path: path.to_owned(), line, value })?)
                }
                None => None,
            };
            let is_extra_edition = match field("is_extra_edition") {
                Some(value) => Some(boolean(&value).ok_or_else(|| MetadataError::BadBoolean {
                    path: path.to_owned(),
                    line,
                    value,
                })?),
                None => None,
            };
            let territory = Territory {
                id: field("territory_id").unwrap_or_default(),
                name: field("territory_name").unwrap_or_default(),
                state_code: field("state_code").unwrap_or_default(),
            };
            if territory.id.is_empty() && !(territory.name.is_empty() && territory.state_code.is_empty()) {
                return Err(MetadataError::NamelessTerritory { path: path.to_owned(), line });
            }
            let metadata = Metadata {
                territory,
                date,
                edition_number: field("edition_number"),
                is_extra_edition,
                power: field("power"),
                file_url: field("url"),
            };
            let file = file.trim_start_matches("./").to_owned();
            if rows.contains_key(&file) {
                return Err(MetadataError::Twice { path: path.to_owned(), line, file });
            }
            rows.insert(file, Row { metadata, has_come: false });
        }
        let named = rows.values().map(|row: &Row| &row.metadata.territory).filter(|territory| !territory.id.is_empty());
        let territories = named.map(|territory| (territory.id.clone(), territory.clone())).collect();
        Ok(Self { rows, territories })
    }
}

fn date(text: &str) -> Option<Date> {
    Date::parse(text, ISO).or_else(|_| Date::parse(text, BRAZILIAN)).ok()
}

/// The date in a file's name, written as `2024-12-31` or `31-12-2024`, with hyphens, full stops or underscores; `None` when
/// there is none, or when there are several.
fn date_within(name: &str) -> Option<Date> {
    let mut found = (0..name.len()).filter_map(|start| date_at(name, start));
    found.next().filter(|_| found.next().is_none())
}

fn date_at(name: &str, start: usize) -> Option<Date> {
    let (before, written, after) = (name.get(..start)?, name.get(start..start + 10)?, name.get(start + 10..)?);
    let sign = written.chars().find(|c| ['-', '.', '_'].contains(c))?;
    let mut parts = written.split(sign);
    let (first, month, last) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    let is_part_of_more =
        before.ends_with(|c: char| c.is_ascii_digit()) || after.starts_with(|c: char| c.is_ascii_digit());
    if is_part_of_more || !(year.starts_with("19") || year.starts_with("20")) {
        return None;
    }
    Date::parse(&format!("{year}-{month}-{day}"), ISO).ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "sim" => Some(true),
        "false" | "0" | "no" | "não" | "nao" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn parse(content: &[u8]) -> Result<Table, MetadataError> {
        Table::parse(Path::new(TABLE_NAME), content)
    }

    #[test]
    fn a_path_tells_territory_and_date_only_when_it_has_both() {
        for (path, territory, date) in [
            ("2704302/2024-01-02/a.pdf", "2704302", Some(date!(2024 - 01 - 02))),
            ("2704302/2024-01-02/extra/a.pdf", "2704302", Some(date!(2024 - 01 - 02))),
            ("2704302/a.pdf", "", None),
            ("2704302/janeiro/a.pdf", "", None),
            ("2704302/2024-13-02/a.pdf", "", None),
            ("2024-01-02/a.pdf", "", None),
            ("a.pdf", "", None),
        ] {
            let metadata = Metadata::of_path(path);
            assert_eq!((metadata.territory.id.as_str(), metadata.date), (territory, date), "{path}");
        }
    }

    #[test]
    fn a_name_tells_its_date_when_it_holds_one() {
        for (name, date) in [
            ("diario-completo-2018-10-17.pdf", Some(date!(2018 - 10 - 17))),
            ("tcmpa-2020.01.16.pdf", Some(date!(2020 - 01 - 16))),
            ("bh-3106200_2024-11-29_7143.pdf", Some(date!(2024 - 11 - 29))),
            ("df-dodf-011-16-01-2019.pdf", Some(date!(2019 - 01 - 16))),
            ("2704302/diario_31_12_2024.pdf", Some(date!(2024 - 12 - 31))),
            ("diario-2018-10-17-a-2018-10-19.pdf", None),
            ("diario-2018-13-17.pdf", None),
            ("processo-2018-10.17.pdf", None),
            ("1234-56-7890.pdf", None),
            ("edicao-7143.pdf", None),
            ("2018-10-17/edicao.pdf", None),
        ] {
            assert_eq!(Metadata::of_path(name).date, date, "{name}");
        }
    }

    #[test]
    fn a_table_is_read_in_the_ways_spreadsheets_write_it() {
        for content in [
            "file,territory_id,territory_name,date,is_extra_edition\na.pdf,1,Maceió,2024-12-31,sim\n"
                .as_bytes()
                .to_vec(),
            "\u{feff}File;Territory_ID;territory_name;date;is_extra_edition\n./a.pdf;1;Maceió;31/12/2024;true\n"
                .as_bytes()
                .to_vec(),
            b"file;territory_id;territory_name;date;is_extra_edition\r\na.pdf;1;Macei\xf3;31/12/2024;1\r\n".to_vec(),
        ] {
            let metadata = parse(&content).unwrap().metadata("a.pdf");
            assert_eq!(metadata.territory.id, "1");
            assert_eq!(metadata.territory.name, "Maceió");
            assert_eq!(metadata.date, Some(date!(2024 - 12 - 31)));
            assert_eq!(metadata.is_extra_edition, Some(true));
            assert_eq!(metadata.power, None);
        }
    }

    #[test]
    fn a_path_takes_the_names_of_its_territory_from_the_table() {
        let table = parse("file,territory_id,territory_name,state_code\na.pdf,2704302,Maceió,AL\n".as_bytes()).unwrap();
        let metadata = table.metadata("2704302/2024-01-02/b.pdf");
        assert_eq!((metadata.territory.name.as_str(), metadata.territory.state_code.as_str()), ("Maceió", "AL"));
        assert_eq!(metadata.date, Some(date!(2024 - 01 - 02)));
        assert_eq!(table.metadata("1/2024-01-02/b.pdf").territory.name, "", "another territory stays unnamed");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error = parse(b"file,date\na.pdf,2024-02-30\n").err().unwrap().to_string();
        assert!(error.contains("line 2") && error.contains("2024-02-30"), "{error}");
        for (content, words) in [
            ("file,dte\na.pdf,2024-02-28\n", ["`dte`", "`date`"]),
            ("file,power\na.pdf,executive\n./a.pdf,legislative\n", ["line 3", "a.pdf has a row already"]),
            ("file,territory_name\na.pdf,Maceió\n", ["line 2", "without territory_id"]),
        ] {
            let error = parse(content.as_bytes()).err().unwrap().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
        assert!(parse(b"file,notes\na.pdf,mine\n").is_ok(), "a column of the user's own is no slip");
        let error = parse(b"name,date\na.pdf,2024-02-28\n").err().unwrap().to_string();
        assert!(error.contains("no column `file`"), "{error}");
        let error = parse(b"file,is_extra_edition\na.pdf,maybe\n").err().unwrap().to_string();
        assert!(error.contains("maybe"), "{error}");
    }
}
