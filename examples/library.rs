//! Makes a catalogue and an embedded index of many generated gazettes, through the same calls that a run makes, for
//! `ops/bench/library`: `library DATA DOCUMENTS BYTES`. The files themselves are not made: nothing that is measured reads them.

use std::error::Error;

use prelo::catalog::{self, FolderFile};
use prelo::config::{Sources, load};
use prelo::gazette::{Gazette, GazetteId, Territory};
use prelo::search_index::document::{Document, Links, Provenance};
use prelo::search_index::{self, ItemOutcome};
use time::{Date, Duration};

/// Gazettes registered and written at once.
const BATCH: usize = 500;
/// Territories: as many as Brazil has municipalities.
const TERRITORIES: usize = 5_570;
/// One gazette of so many is long: 5 MB.
const LONG_EVERY: usize = 2_000;
const LONG_BYTES: usize = 5_000_000;
const STATES: [&str; 27] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];
const FIRST: [&str; 20] = [
    "Ribeira", "Serra", "Campo", "Vale", "Porto", "Lagoa", "Monte", "Ilha", "Barra", "Alto", "Pedra", "Rio", "Vila",
    "Santa", "São", "Nova", "Boa", "Bela", "Morro", "Ponta",
];
const SECOND: [&str; 20] = [
    "Clara",
    "Verde",
    "do Sol",
    "Grande",
    "Alegre",
    "Dourada",
    "Formosa",
    "do Norte",
    "do Sul",
    "da Mata",
    "Branca",
    "Azul",
    "das Flores",
    "do Campo",
    "Esperança",
    "Vista",
    "da Serra",
    "das Águas",
    "Redonda",
    "Bonita",
];
/// What stands in every gazette.
const COMMON: &str = "prefeitura municipal secretaria de administração o prefeito no uso de suas atribuições legais que lhe \
    confere a lei orgânica do município resolve art primeiro fica nomeado para exercer o cargo em comissão publique-se \
    registre-se cumpra-se extrato de contrato processo administrativo número objeto contratação de empresa especializada \
    prestação de serviços valor global vigência doze meses fundamento legal dotação orçamentária exercício data da assinatura";
/// What stands in some of them; the first most often.
const SUBJECTS: [&str; 16] = [
    "pregão eletrônico para registro de preços",
    "secretaria de saúde aquisição de medicamentos",
    "dispensa de licitação",
    "concurso público edital de convocação",
    "secretaria de educação merenda escolar",
    "obras de pavimentação de ruas",
    "inexigibilidade de licitação artista shows",
    "aposentadoria voluntária servidora professora",
    "audiência pública plano diretor",
    "licença ambiental aterro sanitário",
    "crédito suplementar decreto",
    "transporte escolar rural",
    "desapropriação de imóvel utilidade pública",
    "locação de imóvel conselho tutelar",
    "coleta de resíduos sólidos",
    "reconhecimento facial câmeras de vigilância",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, documents, bytes] = arguments.as_slice() else {
        return Err("usage: library DATA DOCUMENTS BYTES".into());
    };
    let (documents, bytes): (usize, usize) = (documents.parse()?, bytes.parse()?);
    let flags = [("data".to_owned(), data.clone())].into();
    let config = load(&Sources { flags, ..Sources::default() })?.config;
    let catalog = catalog::open(&config).await?;
    catalog.migrate().await?;
    let registry = catalog.registry().ok_or("this catalogue registers no files")?;
    let index = search_index::open(&config).await?;
    index.prepare().await?;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut after = String::new();
    for first in (0..documents).step_by(BATCH) {
        let files: Vec<FolderFile> =
            (first..documents.min(first + BATCH)).map(|number| file(number, &mut chance)).collect();
        registry.register(&files).await?;
        let registered = registry.files(&after, u32::try_from(BATCH)?).await?;
        after.clone_from(&registered.last().ok_or("nothing was registered")?.path);
        let written: Vec<Document> = files
            .iter()
            .zip(&registered)
            .enumerate()
            .map(|(place, (file, registered))| {
                let long = (first + place) % LONG_EVERY == LONG_EVERY / 2;
                let wanted = if long { LONG_BYTES } else { bytes / 2 + chance.below(bytes.max(1)) };
                document(registered.id, file, text(wanted, &mut chance))
            })
            .collect();
        // A long text makes a bulk of its own beside those of its neighbours.
        for bulk in written.chunks(100) {
            let outcomes = index.bulk(&bulk.iter().collect::<Vec<_>>()).await?;
            if outcomes.iter().any(|outcome| *outcome != ItemOutcome::Acknowledged) {
                return Err("a document was not taken".into());
            }
        }
        if (first + BATCH).is_multiple_of(10_000) {
            eprintln!("{} of {documents}", first + BATCH);
        }
    }
    Ok(())
}

fn file(number: usize, chance: &mut Chance) -> FolderFile {
    let place = chance.rare(TERRITORIES);
    let name = format!("{} {}", FIRST[place % 20], SECOND[place / 20 % 20]);
    let state = STATES[place % STATES.len()];
    let day = i64::try_from(chance.below(10 * 365)).unwrap_or_default();
    let first_day = Date::from_calendar_date(2015, time::Month::January, 1).unwrap_or(Date::MIN);
    FolderFile {
        path: format!("{number:08}.pdf"),
        bytes: 1,
        modified_ns: 0,
        file_checksum: format!("{number:032x}"),
        metadata_checksum: String::new(),
        territory: Territory { id: (1_000_000 + place).to_string(), name, state_code: state.into() },
        date: Some(first_day + Duration::days(day)),
        edition_number: Some(number.to_string()),
        is_extra_edition: Some(chance.below(10) == 0),
        power: Some("executive".into()),
        file_url: None,
    }
}

fn document(id: GazetteId, file: &FolderFile, text: String) -> Document {
    let gazette = Gazette {
        id,
        territory_id: Some(file.territory.id.clone()),
        territory: Some(file.territory.clone()),
        date: file.date,
        edition_number: file.edition_number.clone(),
        is_extra_edition: file.is_extra_edition,
        power: file.power.clone(),
        file_checksum: Some(file.file_checksum.clone()),
        file_path: Some(file.path.clone()),
        file_url: None,
        scraped_at: None,
        created_at: None,
    };
    let key = format!("{}.txt", file.path);
    Document::new(&gazette, text, &key, &Links::default(), Provenance { pages: 1, ..Provenance::default() })
}

/// Acts of a town: what all say, what some say, names and numbers that hardly come again; a page for each 3,000 bytes.
fn text(bytes: usize, chance: &mut Chance) -> String {
    let common: Vec<&str> = COMMON.split_whitespace().collect();
    let mut text = String::with_capacity(bytes + 4_096);
    let mut page = 1;
    while text.len() < bytes {
        if chance.below(12) == 0 {
            text.push_str(SUBJECTS[chance.rare(SUBJECTS.len())]);
        }
        for _ in 0..8 + chance.below(16) {
            text.push(' ');
            text.push_str(common[chance.below(common.len())]);
        }
        text.push_str(&format!(
            " {}/{}, {}, R$ {},00.\n",
            chance.below(9_999),
            2_015 + chance.below(10),
            name(chance),
            chance.below(900_000)
        ));
        if text.len() > page * 3_000 {
            text.push('\u{c}');
            page += 1;
        }
    }
    text
}

/// A surname that is made up of syllables.
fn name(chance: &mut Chance) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo", "bra", "cle", "dri", "flo",
        "gra", "nha", "lhe", "tri", "xa", "que",
    ];
    (0..3 + chance.below(2)).map(|_| SYLLABLES[chance.below(SYLLABLES.len())]).collect()
}

/// Xorshift: the same library every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or_default()
    }

    /// Small numbers more often, as a few towns publish most.
    fn rare(&mut self, bound: usize) -> usize {
        let one = self.below(bound);
        let other = self.below(bound);
        one.min(other).min(self.below(bound))
    }
}
