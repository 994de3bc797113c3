//! The catalogue's rows beside the files of a folder: both in the order of their paths, neither held whole.

use std::collections::VecDeque;

use crate::catalog::{CatalogError, RegisteredFile, Registry};

/// Rows of one query.
const PAGE: u32 = 1_000;

/// The registered files that no file was compared with yet.
pub(super) struct Known<'a> {
    /// `None` when there is no catalogue, or its end was reached: rows that are added meanwhile are this comparison's own.
    registry: Option<&'a dyn Registry>,
    rows: VecDeque<RegisteredFile>,
    last: String,
}

impl<'a> Known<'a> {
    pub fn of(registry: Option<&'a dyn Registry>) -> Self {
        Self { registry, rows: VecDeque::new(), last: String::new() }
    }

    /// The row of a path. Those that stand before it have no file any more, and go to `vanished`. Paths must be asked for
    /// in their order.
    pub async fn find(
        &mut self,
        path: &str,
        mut vanished: impl FnMut(&str),
    ) -> Result<Option<RegisteredFile>, CatalogError> {
        while let Some(row) = self.first().await? {
            if row.path.as_str() > path {
                break;
            }
            let Some(row) = self.rows.pop_front() else { break };
            if row.path == path {
                return Ok(Some(row));
            }
            vanished(&row.path);
        }
        Ok(None)
    }

    /// After the last file: what is left has none.
    pub async fn finish(mut self, mut vanished: impl FnMut(&str)) -> Result<(), CatalogError> {
        while self.first().await?.is_some() {
            for row in self.rows.drain(..) {
                vanished(&row.path);
            }
        }
        Ok(())
    }

    async fn first(&mut self) -> Result<Option<&RegisteredFile>, CatalogError> {
        if self.rows.is_empty()
            && let Some(registry) = self.registry
        {
            self.rows = registry.files(&self.last, PAGE).await?.into();
            match self.rows.back() {
                Some(row) => self.last.clone_from(&row.path),
                None => self.registry = None,
            }
        }
        Ok(self.rows.front())
    }
}
