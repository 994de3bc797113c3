//! The catalogue in Portuguese.

use super::FailureCode as Code;

/// Sentence and action.
pub(super) fn told(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::UnknownTerritory => {
            ("O território da linha não está em `territories`.", "Acrescente o território e execute de novo.")
        }
        Code::MissingFilePath => (
            "A linha não indica nenhum arquivo.",
            "Faça o coletor preencher `file_path`; depois `prelo reprocess --failed MISSING_FILE_PATH`.",
        ),
        Code::InvalidFilePath => (
            "O `file_path` da linha não é um nome que o armazenamento aceite.",
            "Corrija `file_path`; depois `prelo reprocess --failed INVALID_FILE_PATH`.",
        ),
        Code::NotFound => {
            ("O arquivo não está no armazenamento.", "Verifique se o coletor o enviou exatamente com esta chave.")
        }
        Code::AccessDenied => (
            "O armazenamento se recusa a entregar este arquivo.",
            "Verifique as permissões do objeto; os outros arquivos do bucket puderam ser lidos.",
        ),
        Code::TooLarge => (
            "O arquivo é maior que o limite configurado.",
            "Se é mesmo um diário, aumente `max_file_size_mb`; depois `prelo reprocess --failed TOO_LARGE`.",
        ),
        Code::SizeMismatch => {
            ("O armazenamento enviou menos bytes do que anunciou.", "Se continuar assim, envie o arquivo de novo.")
        }
        Code::Checksum => {
            ("O md5 do arquivo não é o do catálogo.", "Colete o diário de novo, ou corrija `file_checksum`.")
        }
        Code::DownloadTimeout => (
            "O download parou ou demorou demais.",
            "Veja a rede; para um armazenamento lento, aumente `download_timeout_seconds`.",
        ),
        Code::DownloadFailed => ("O download falhou repetidas vezes.", "Veja o detalhe e o registro do armazenamento."),
        Code::SpoolFull => (
            "A pasta de espera não pôde receber o arquivo.",
            "Libere espaço onde `spool` aponta, ou aponte para outro lugar.",
        ),
        Code::EmptyObject => ("O arquivo não tem nenhum byte.", "Colete o diário de novo."),
        Code::NotAPdf => (
            "O arquivo se chama .pdf e é outra coisa, muitas vezes uma página de erro.",
            "Leia o detalhe (os primeiros bytes) e colete o diário de novo.",
        ),
        Code::ErrorPage => (
            "O arquivo é uma página de erro ou de login do servidor de quem publica.",
            "Leia o detalhe (o que a página diz) e colete o diário de novo.",
        ),
        Code::UnsupportedFormat => ("Nada aqui lê este tipo de arquivo.", "Converta-o para PDF ou texto."),
        Code::PdfDamaged => (
            "O PDF está danificado e não pôde ser consertado.",
            "Abra-o em um leitor; se está cortado, colete o diário de novo.",
        ),
        Code::FileDamaged => (
            "O arquivo está danificado: o formato é conhecido, e ele não abre.",
            "Abra-o no programa que o criou; se está cortado, colete o diário de novo.",
        ),
        Code::NoPages => {
            ("O PDF não tem páginas.", "Abra-o em um leitor; se também ali está vazio, colete o diário de novo.")
        }
        Code::Encrypted => ("O arquivo pede uma senha.", "Peça a quem publica um arquivo sem senha."),
        Code::NeedsOcr => (
            "O arquivo não tem texto próprio: é uma digitalização, ou está em branco.",
            "Se o OCR estava desligado: `prelo reprocess --failed NEEDS_OCR --ocr auto`. Se estava ligado, as páginas estão em branco ou só têm linhas: não há o que fazer.",
        ),
        Code::TextGarbled => (
            "O texto do arquivo não se lê: as fontes não dizem quais letras mostram.",
            "Deixe o OCR ler: `prelo reprocess --failed TEXT_GARBLED --ocr auto`.",
        ),
        Code::NoText => (
            "O OCR viu as páginas e não achou texto: estão em branco, ou só têm imagens.",
            "Abra-o em um leitor; se há texto à vista, relate o caso com o arquivo.",
        ),
        Code::OcrUnavailable => (
            "O arquivo é uma digitalização, e o OCR não pode ser usado.",
            "Instale-o (`prelo check` diz o que falta; no Debian: apt-get install tesseract-ocr tesseract-ocr-por) e execute de novo.",
        ),
        Code::OcrPartial => (
            "O OCR não leu algumas páginas: grandes demais, lentas demais, ou o programa terminou.",
            "Leia o detalhe; aumente `ocr_timeout_seconds` ou `ocr_megapixels`; depois `prelo reprocess --failed OCR_PARTIAL`.",
        ),
        Code::OcrLowConfidence => {
            ("O OCR duvida da maior parte do que leu.", "Veja o arquivo: uma digitalização melhor ajudaria.")
        }
        Code::TextPartial => (
            "Faltam partes do arquivo, ou não podem ser lidas.",
            "Abra-o em um leitor; se está cortado, colete o diário de novo.",
        ),
        Code::LimitDecompressed => (
            "Algo no arquivo, descompactado, é maior do que se permite.",
            "Veja o arquivo; talvez tenha sido feito para causar dano.",
        ),
        Code::LimitMemory => (
            "Ler o arquivo exige mais memória do que se permite.",
            "Aumente `memory_budget_mb` se for um diário de verdade; depois, `prelo reprocess --failed LIMIT_MEMORY`.",
        ),
        Code::ExtractorPanicked => (
            "A leitura esbarrou em um defeito do prelo.",
            "Relate o caso com o arquivo; os outros diários não são afetados.",
        ),
        Code::ExtractorAborted => (
            "A leitura derrubou o processo que lia, como em uma falha grave.",
            "Relate o caso com o arquivo; os outros diários não são afetados.",
        ),
        Code::ExtractorExited => (
            "O processo que lia o arquivo terminou sem responder.",
            "Relate o caso com o arquivo; os outros diários não são afetados.",
        ),
        Code::ExtractorGarbled => (
            "O processo que lia o arquivo respondeu algo sem sentido.",
            "Relate o caso com o arquivo; os outros diários não são afetados.",
        ),
        Code::ExtractorKilled => (
            "O processo que lia o arquivo foi morto de fora.",
            "Veja se falta memória à máquina ou ao contêiner; se for o caso, diminua `memory_budget_mb`.",
        ),
        Code::ExtractorSilent => (
            "A leitura ficou presa: por muito tempo nenhuma página terminou.",
            "Se a máquina estava ocupada, aumente `reader_silence_seconds`; depois `prelo reprocess --failed EXTRACTOR_SILENT`.",
        ),
        Code::ExtractionTimeout => (
            "A leitura demorou mais do que se permite.",
            "Se é mesmo um diário, aumente `reader_timeout_seconds`; depois `prelo reprocess --failed EXTRACTION_TIMEOUT`.",
        ),
        Code::Quarantined => (
            "A leitura foi começada várias vezes, e cada vez o próprio prelo terminou.",
            "Veja o arquivo e a memória da máquina; depois `prelo reprocess --failed QUARANTINED`.",
        ),
        Code::TextStore => (
            "O texto extraído não pôde ser guardado ao lado do arquivo.",
            "Verifique se o prelo pode escrever no bucket, ou ponha `store_text` em false.",
        ),
        Code::DocTooLarge => (
            "O mecanismo de busca recusa um documento deste tamanho.",
            "Aumente `http.max_content_length` do mecanismo de busca; depois `prelo reprocess --failed DOC_TOO_LARGE`.",
        ),
        Code::MappingRejected => (
            "O mecanismo de busca recusa um campo do documento.",
            "Leia o detalhe; compare o mapeamento do índice com o do prelo.",
        ),
        Code::IndexRejected => (
            "O mecanismo de busca esteve ocupado demais para este documento, repetidas vezes.",
            "Dê mais recursos ao mecanismo de busca, ou diminua `bulk_documents` e `bulk_concurrency`.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_commands_are_the_same_in_both_languages() {
        let marked = |text: &str| -> Vec<String> {
            let mut parts: Vec<String> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        for code in Code::ALL {
            let (sentence, action) = told(*code);
            assert_eq!(marked(sentence), marked(code.sentence()), "{code}");
            assert_eq!(marked(action), marked(code.action()), "{code}");
        }
    }
}
