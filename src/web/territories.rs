//! The territories by name, kept for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::problem::Problem;
use crate::catalog::Catalog;
pub use crate::catalog::{Directory, label};

/// A list that is older is read anew.
const FRESH: Duration = Duration::from_mins(5);

/// The directory, read again now and then.
#[derive(Clone, Default)]
pub struct Territories {
    read: Arc<Mutex<Option<Read>>>,
}

/// When, and what.
type Read = (Instant, Arc<Directory>);

impl Territories {
    /// The list. Only the first one is waited for: of a million gazettes it can take a second. An older one serves while it
    /// is read anew, and longer when the catalogue does not answer.
    pub async fn directory(&self, catalog: &Arc<dyn Catalog>) -> Result<Arc<Directory>, Problem> {
        let Some(directory) = self.known(catalog) else { return self.read_anew(&**catalog).await };
        Ok(directory)
    }

    fn known(&self, catalog: &Arc<dyn Catalog>) -> Option<Arc<Directory>> {
        let mut read = self.lock();
        let (when, directory) = read.as_mut()?;
        if when.elapsed() >= FRESH {
            // One reads it, and nobody else meanwhile.
            *when = Instant::now();
            let (territories, catalog) = (self.clone(), Arc::clone(catalog));
            tokio::spawn(async move { territories.read_anew(&*catalog).await });
        }
        Some(Arc::clone(directory))
    }

    async fn read_anew(&self, catalog: &dyn Catalog) -> Result<Arc<Directory>, Problem> {
        let directory = Arc::new(Directory::new(catalog.territories().await?));
        *self.lock() = Some((Instant::now(), Arc::clone(&directory)));
        Ok(directory)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Read>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
