//! Files as they were last looked at. The viewer of a browser asks for dozens of parts of one file, and each would ask the
//! catalogue where it is and the storage what it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::disposition::Shown;
use crate::gazette::GazetteId;

/// Long enough for a viewer that fetches a file while one turns its pages; after it, the catalogue is asked again.
const LIFE: Duration = Duration::from_secs(30);
/// Files that are read at the same time, and some more. Who comes beyond these ends the oldest.
const MOST: usize = 256;

/// A version of a file, and how it is handed out.
#[derive(Debug, PartialEq, Eq)]
pub struct SeenFile {
    pub key: String,
    pub bytes: u64,
    /// As the storage has it, to ask for this very version.
    pub version: Option<String>,
    pub shown: Shown,
}

impl SeenFile {
    /// The version as an answer names it.
    pub fn etag(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        let plain = version.strip_prefix("W/").unwrap_or(version).replace(|c: char| c == '"' || c.is_control(), "");
        Some(format!("\"{plain}\""))
    }
}

/// The last files, by gazette.
#[derive(Debug, Default)]
pub struct SeenFiles(Mutex<HashMap<GazetteId, (Instant, Arc<SeenFile>)>>);

impl SeenFiles {
    /// What was seen a moment ago. It may have been replaced since: whoever reads a part asks for its version.
    pub fn get(&self, id: GazetteId, now: Instant) -> Option<Arc<SeenFile>> {
        let files = self.lock();
        let (seen, file) = files.get(&id)?;
        (now.saturating_duration_since(*seen) < LIFE).then(|| Arc::clone(file))
    }

    /// A version without a name is not kept: nobody could ask for it.
    pub fn put(&self, id: GazetteId, file: &Arc<SeenFile>, now: Instant) {
        let mut files = self.lock();
        if file.version.is_none() {
            files.remove(&id);
            return;
        }
        if files.len() >= MOST && !files.contains_key(&id) {
            files.retain(|_, (seen, _)| now.saturating_duration_since(*seen) < LIFE);
            let oldest = files.iter().min_by_key(|(_, (seen, _))| *seen).map(|(id, _)| *id);
            if let Some(oldest) = oldest.filter(|_| files.len() >= MOST) {
                files.remove(&oldest);
            }
        }
        files.insert(id, (now, Arc::clone(file)));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GazetteId, (Instant, Arc<SeenFile>)>> {
        // A panic in between leaves a table behind, not a broken invariant.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::disposition;
    use super::*;

    fn file(version: Option<&str>) -> Arc<SeenFile> {
        let shown = disposition::of(b"%PDF-", "a.pdf");
        Arc::new(SeenFile { key: "a.pdf".into(), bytes: 5, version: version.map(Into::into), shown })
    }

    #[test]
    fn a_file_is_known_for_a_while_and_the_oldest_make_room() {
        let files = SeenFiles::default();
        let began = Instant::now();
        let at = |id: i64| began + Duration::from_millis(u64::try_from(id).unwrap());
        let all = i64::try_from(MOST).unwrap();
        for id in 0..=all {
            files.put(GazetteId(id), &file(Some("v1")), at(id));
        }
        let known = |id: i64, now| files.get(GazetteId(id), now).is_some();
        assert!(!known(0, at(all)) && known(1, at(all)) && known(all, at(all)), "the oldest made room");
        assert!(!known(all, at(all) + LIFE));
        files.put(GazetteId(1), &file(Some("v2")), at(all) + LIFE);
        assert_eq!(files.get(GazetteId(1), at(all) + LIFE).unwrap().version.as_deref(), Some("v2"));
        assert!(files.lock().len() <= MOST);
        files.put(GazetteId(1), &file(None), at(all) + LIFE);
        assert!(!known(1, at(all) + LIFE), "nobody could ask for this version");
    }

    #[test]
    fn the_name_of_a_version_is_one_that_a_header_can_hold() {
        for (version, etag) in
            [("\"abc-1\"", "\"abc-1\""), ("17-5", "\"17-5\""), ("W/\"x\"", "\"x\""), ("a\"\r\nb", "\"ab\"")]
        {
            assert_eq!(file(Some(version)).etag().as_deref(), Some(etag));
        }
        assert_eq!(file(None).etag(), None);
    }
}
