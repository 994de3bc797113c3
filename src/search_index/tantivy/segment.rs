//! Writes a segment of the embedded index with the writers of its parts that Tantivy makes public, in place of its
//! `SegmentWriter`, which asks for one word after the other.

use std::collections::BTreeMap;
use std::io::Write as _;

use ::tantivy::directory::{TerminatingWrite as _, WritePtr};
use ::tantivy::fastfield::FastFieldsWriter;
use ::tantivy::fieldnorm::{FieldNormReaders, FieldNormsSerializer, FieldNormsWriter};
use ::tantivy::index::{Segment, SegmentComponent, SegmentMeta};
use ::tantivy::postings::InvertedIndexSerializer;
use ::tantivy::schema::{Field, Schema, TantivyDocument, Value as _};
use ::tantivy::store::StoreWriter;
use ::tantivy::{DocId, Document as _, TantivyError, Term};

use super::inversion::Inversion;

/// A segment that is being written.
pub(super) struct SegmentBuilder {
    segment: Segment,
    schema: Schema,
    documents: DocId,
    /// The field whose words are indexed, with their places.
    words_field: Field,
    words: Inversion,
    /// Of each other field that is indexed, the documents of each value by its bytes.
    values: BTreeMap<Field, BTreeMap<Vec<u8>, Vec<DocId>>>,
    norms: FieldNormsWriter,
    fast: FastFieldsWriter,
    store: StoreWriter,
}

impl SegmentBuilder {
    /// A new segment of an index. Of its fields one has words; the others are numbers, truth values or texts that are one
    /// term each.
    pub fn new(segment: Segment, words_field: Field) -> Result<Self, TantivyError> {
        let schema = segment.schema();
        let settings = segment.index().settings();
        let tokenizers = segment.index().fast_field_tokenizer().clone();
        Ok(Self {
            documents: 0,
            words_field,
            words: Inversion::default(),
            values: BTreeMap::new(),
            norms: FieldNormsWriter::for_schema(&schema),
            fast: FastFieldsWriter::from_schema_and_tokenizer_manager(&schema, tokenizers)?,
            store: StoreWriter::new(
                segment.open_write(SegmentComponent::Store)?,
                settings.docstore_compression,
                settings.docstore_blocksize,
                false,
            )?,
            schema,
            segment,
        })
    }

    /// Adds a document.
    pub fn add(&mut self, document: &TantivyDocument) -> Result<(), TantivyError> {
        for (field, value) in document.iter_fields_and_values() {
            if !self.schema.get_field_entry(field).is_indexed() {
                continue;
            }
            if field == self.words_field {
                let words = self.words.add(value.as_str().unwrap_or_default());
                self.norms.record(self.documents, field, words);
                continue;
            }
            let term = if let Some(number) = value.as_i64() {
                Term::from_field_i64(field, number)
            } else if let Some(truth) = value.as_bool() {
                Term::from_field_bool(field, truth)
            } else {
                Term::from_field_text(field, value.as_str().unwrap_or_default())
            };
            let of_field = self.values.entry(field).or_default();
            of_field.entry(term.serialized_value_bytes().to_vec()).or_default().push(self.documents);
            self.norms.record(self.documents, field, 1);
        }
        self.fast.add_document(document)?;
        self.store.store(document, &self.schema)?;
        self.documents += 1;
        Ok(())
    }

    /// Of memory, for the postings.
    pub fn bytes(&self) -> usize {
        self.words.bytes()
    }

    /// Writes out what is in memory. Answers with what makes the segment known to the index.
    pub fn finish(mut self) -> Result<SegmentMeta, TantivyError> {
        self.norms.fill_up_to_max_doc(self.documents);
        let norms = FieldNormsSerializer::from_write(self.segment.open_write(SegmentComponent::FieldNorms)?)?;
        self.norms.serialize(norms, None)?;
        let norms = FieldNormReaders::open(self.segment.open_read(SegmentComponent::FieldNorms)?)?;

        let mut postings = InvertedIndexSerializer::open(&self.segment)?;
        let words_field = self.words_field;
        let mut words = Some(self.words).filter(|words| words.count() > 0);
        for (field, _) in self.schema.fields() {
            if field == words_field
                && let Some(words) = words.take()
            {
                let mut out = postings.new_field(field, words.count(), norms.get_field(field)?)?;
                words.write(&mut out)?;
                out.close()?;
            }
            let Some(values) = self.values.remove(&field) else { continue };
            let count = values.values().map(|documents| documents.len() as u64).sum();
            let mut out = postings.new_field(field, count, norms.get_field(field)?)?;
            for (value, documents) in values {
                out.new_term_without_freq(&value)?;
                for document in documents {
                    out.write_doc(document, 0, &[]);
                }
                out.close_term()?;
            }
            out.close()?;
        }
        postings.close()?;

        let mut fast: WritePtr = self.segment.open_write(SegmentComponent::FastFields)?;
        self.fast.serialize(&mut fast, None)?;
        fast.flush()?;
        fast.terminate()?;
        self.store.close()?;
        Ok(self.segment.with_max_doc(self.documents).meta().clone())
    }
}

#[cfg(test)]
mod tests {
    use ::tantivy::postings::Postings as _;
    use ::tantivy::schema::{IndexRecordOption, OwnedValue};
    use ::tantivy::tokenizer::{PreTokenizedString, SimpleTokenizer, Token};
    use ::tantivy::{DocSet as _, Index, IndexWriter, SegmentReader, TERMINATED};

    use super::super::schema::{ANALYZER, DAY, Fields, ID, TERRITORY};
    use super::*;
    use crate::gazette::GazetteId;
    use crate::search_index::document::{Document, Links, Provenance, tests::gazette};
    use crate::search_index::portuguese;

    fn documents() -> Vec<TantivyDocument> {
        let long: Vec<_> = (0..3_000).map(|n| format!("Portaria {} de {n} nomeia servidores;", n % 97)).collect();
        let long = long.join(" ");
        let texts =
            ["Nomeação de João, nomeações; a nomeação", "", "de a o", &long, "Licitação nº 5: R$ 1.000,00", "casa"];
        let fields = Fields::schema().1;
        let document = |(id, text): (i64, &&str)| {
            let mut gazette = gazette(id);
            gazette.power = (id % 2 == 0).then(|| "executive".into());
            gazette.is_extra_edition = (id != 3).then_some(id == 2);
            gazette.date = gazette.date.filter(|_| id != 4);
            let document =
                Document::new(&gazette, (*text).to_owned(), "k.txt", &Links::default(), Provenance::default());
            fields.document(&document).unwrap()
        };
        (1..).zip(&texts).map(document).collect()
    }

    fn index(documents: Vec<TantivyDocument>) -> Index {
        let index = Index::create_in_ram(Fields::schema().0);
        index.tokenizers().register(ANALYZER, SimpleTokenizer::default());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15 << 20).unwrap();
        for document in documents {
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
        index
    }

    /// The words of the text given to Tantivy's own writer, which makes no difference between them and those it parts itself.
    fn with_words(document: &TantivyDocument) -> TantivyDocument {
        let words_field = Fields::schema().1.words();
        let mut out = TantivyDocument::new();
        for (field, value) in document.iter_fields_and_values() {
            if field != words_field {
                out.add_field_value(field, &OwnedValue::from(value));
                continue;
            }
            let text = value.as_str().unwrap().to_owned();
            let words = portuguese::stems(&text).into_iter();
            let tokens =
                words.map(|word| Token { position: word.offset, text: word.text, ..Token::default() }).collect();
            out.add_pre_tokenized_text(field, PreTokenizedString { text, tokens });
        }
        out
    }

    fn built(documents: &[TantivyDocument]) -> Index {
        let index = Index::create_in_ram(Fields::schema().0);
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15 << 20).unwrap();
        let mut segment = SegmentBuilder::new(writer.new_segment(), Fields::schema().1.words()).unwrap();
        for document in documents {
            segment.add(document).unwrap();
        }
        writer.add_segment(segment.finish().unwrap()).unwrap();
        writer.commit().unwrap();
        index
    }

    fn segment(index: &Index) -> SegmentReader {
        let searcher = index.reader().unwrap().searcher();
        assert_eq!(searcher.segment_readers().len(), 1);
        searcher.segment_reader(0).clone()
    }

    /// The bytes of a term, and of each document that holds it how often and where.
    type OfTerm = (Vec<u8>, Vec<(u32, u32, Vec<u32>)>);

    fn postings(segment: &SegmentReader, field: Field, option: IndexRecordOption) -> Vec<OfTerm> {
        let inverted = segment.inverted_index(field).unwrap();
        let mut terms = inverted.terms().stream().unwrap();
        let mut out = Vec::new();
        while terms.advance() {
            let mut postings = inverted.read_postings_from_terminfo(terms.value(), option).unwrap();
            let mut of_term = Vec::new();
            while postings.doc() != TERMINATED {
                let mut places = Vec::new();
                postings.positions(&mut places);
                of_term.push((postings.doc(), postings.term_freq(), places));
                postings.advance();
            }
            out.push((terms.key().to_vec(), of_term));
        }
        out
    }

    #[test]
    fn a_segment_is_what_tantivy_would_have_written() {
        let documents = documents();
        let theirs = segment(&index(documents.iter().map(with_words).collect()));
        let ours = segment(&built(&documents));
        assert_eq!(ours.max_doc(), theirs.max_doc());
        let mut terms = 0;
        for (field, entry) in Fields::schema().0.fields().filter(|(_, entry)| entry.is_indexed()) {
            let option = entry.field_type().index_record_option().unwrap();
            let (of_ours, of_theirs) = (postings(&ours, field, option), postings(&theirs, field, option));
            assert!(of_ours == of_theirs, "{}: {of_ours:?}\nand\n{of_theirs:?}", entry.name());
            terms += of_ours.len();
            let total = |segment: &SegmentReader| segment.inverted_index(field).unwrap().total_num_tokens();
            assert_eq!(total(&ours), total(&theirs), "{}", entry.name());
            if let Ok(norms) = theirs.get_fieldnorms_reader(field) {
                for document in 0..theirs.max_doc() {
                    let ours = ours.get_fieldnorms_reader(field).unwrap();
                    assert_eq!(ours.fieldnorm_id(document), norms.fieldnorm_id(document), "{}", entry.name());
                }
            }
        }
        assert!(terms > 3_000, "{terms}");
        for document in 0..theirs.max_doc() {
            for name in [ID, DAY] {
                let value = |segment: &SegmentReader| segment.fast_fields().i64(name).unwrap().first(document);
                assert_eq!(value(&ours), value(&theirs), "{name}");
            }
            let territory = |segment: &SegmentReader| {
                let column = segment.fast_fields().str(TERRITORY).unwrap().unwrap();
                let mut name = String::new();
                column.ord_to_str(column.ords().first(document).unwrap(), &mut name).unwrap();
                name
            };
            assert_eq!(territory(&ours), territory(&theirs));
            let stored = |segment: &SegmentReader| -> TantivyDocument {
                segment.get_store_reader(1).unwrap().get(document).unwrap()
            };
            let (of_ours, of_theirs) = (stored(&ours), stored(&theirs));
            let fields = Fields::schema().1;
            assert_eq!(fields.text_of(&of_ours), fields.text_of(&documents[document as usize]));
            assert_eq!(fields.record_of(&of_ours), fields.record_of(&of_theirs));
            assert_eq!(fields.id_of(&of_ours), fields.id_of(&of_theirs));
        }
    }

    #[test]
    fn a_document_without_words_makes_a_segment() {
        let index = built(&documents()[1..2]);
        let key = Fields::schema().1.key(GazetteId(2));
        assert_eq!(segment(&index).inverted_index(key.field()).unwrap().doc_freq(&key).unwrap(), 1);
    }

    /// More words than are sorted at once, in one text and over several.
    #[test]
    fn places_go_on_from_part_to_part() {
        let fields = Fields::schema().1;
        let text = |words: usize, word: &str| format!("{word} ").repeat(words);
        let texts = [text(400_000, "obra"), text(700_000, "ponte obra"), text(3, "obra")];
        let document = |(id, text): (i64, &String)| {
            let document = Document::new(&gazette(id), text.clone(), "k.txt", &Links::default(), Provenance::default());
            fields.document(&document).unwrap()
        };
        let documents: Vec<_> = (1..).zip(&texts).map(document).collect();
        let of_words = postings(&segment(&built(&documents)), fields.words(), IndexRecordOption::WithFreqsAndPositions);
        let counts: Vec<Vec<u32>> =
            of_words.iter().map(|(_, documents)| documents.iter().map(|(_, count, _)| *count).collect()).collect();
        assert_eq!(counts, [vec![400_000, 700_000, 3], vec![700_000]]);
        for (_, documents) in of_words {
            for (document, _, places) in documents {
                let step = if document == 1 { 2 } else { 1 };
                assert!(places.windows(2).all(|two| two[1] - two[0] == step), "document {document}");
            }
        }
    }
}
