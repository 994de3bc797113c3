//! Lists the selection page by page and claims it in small groups, so that a killed run leaves few leases behind.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc::Sender;

use super::pager::{Pager, Seen};
use super::recognizer::Scans;
use super::{Claimed, Context, Outcome, dependency, quarantine, retrying};
use crate::catalog::{CatalogError, Claim, PageQuery};
use crate::failpoint::{self, Point};
use crate::failure::{Failure, FailureCode};
use crate::gazette::{Gazette, GazetteId, Selection};
use crate::storage::FileVersion;
use crate::telemetry::Event;

/// Gazettes claimed by one statement.
const CLAIM_GROUP: usize = 32;

/// What to list.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Resolved.
    pub selection: Selection,
    pub high_water: GazetteId,
    /// Gazettes in it at the start.
    pub selected: u64,
    /// Gazettes that may be claimed.
    pub left: Option<u64>,
    /// What is done with scans.
    pub scans: Scans,
}

pub(super) async fn run(context: Context, plan: Plan, claimed: Sender<Claimed>, outcomes: Sender<Outcome>) {
    let asked = plan.selection.asks_by_name();
    let mut lister = Lister { context: &context, asked, left: plan.left, missed: HashSet::new() };
    let listed = match plan.scans {
        Scans::Read => lister.list_scans(&plan, &claimed, &outcomes).await,
        Scans::PutOff | Scans::Unread(_) => lister.list(&plan, &claimed, &outcomes).await,
    };
    if let Err(error) = listed {
        context.stop(dependency::of_catalog(&error));
    }
}

struct Lister<'a> {
    context: &'a Context,
    /// Somebody wants these very gazettes, whatever became of them before.
    asked: bool,
    /// What the selection's limit still allows.
    left: Option<u64>,
    /// Could not be claimed once; not tried again in this run.
    missed: HashSet<GazetteId>,
}

impl Lister<'_> {
    async fn list(
        &mut self,
        plan: &Plan,
        claimed: &Sender<Claimed>,
        outcomes: &Sender<Outcome>,
    ) -> Result<(), CatalogError> {
        let context = self.context;
        let config = &context.config;
        let policy = context.retry_policy(config.catalog_attempts);
        let mut pager = Pager::new(config.paging, config.page_size, plan.selected);
        while let Some(next) = pager.next() {
            if !context.shutdown.is_running() || self.left == Some(0) {
                return Ok(());
            }
            let query = PageQuery {
                selection: &plan.selection,
                run: context.run(),
                high_water: plan.high_water,
                cursor: next.cursor,
                page_size: config.page_size,
                fresh_only: next.fresh_only,
            };
            let page = retrying(context, &policy, "read a page", || context.catalog.page(&query)).await?;
            failpoint::pass(Point::PageListed);
            let rows = page.len();
            let last = page.last().map(|listed| listed.gazette.id);
            let fresh: Vec<Gazette> = page
                .into_iter()
                .filter(|listed| !listed.touched && !self.missed.contains(&listed.gazette.id))
                .map(|listed| listed.gazette)
                .collect();
            context.telemetry.emit(&Event::PageListed { pass: next.pass, rows, fresh: fresh.len() });
            pager.saw(Seen { rows, fresh: fresh.len(), last });
            if !self.claim(fresh, claimed, outcomes).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Scans, the latest first. What is claimed leaves the page at once, and what has an outcome does not come back: the
    /// first page is the next one until it is empty.
    async fn list_scans(
        &mut self,
        plan: &Plan,
        claimed: &Sender<Claimed>,
        outcomes: &Sender<Outcome>,
    ) -> Result<(), CatalogError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        for pass in 1.. {
            if !context.shutdown.is_running() {
                return Ok(());
            }
            let ask = || {
                let (selection, run) = (&plan.selection, context.run());
                context.catalog.scan_page(selection, run, plan.high_water, context.config.page_size)
            };
            let mut page = retrying(context, &policy, "read a page of scans", ask).await?;
            let rows = page.len();
            page.retain(|gazette| !self.missed.contains(&gazette.id));
            context.telemetry.emit(&Event::PageListed { pass, rows, fresh: page.len() });
            if page.is_empty() || !self.claim(page, claimed, outcomes).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// `false` when claiming has to end.
    async fn claim(
        &mut self,
        fresh: Vec<Gazette>,
        claimed: &Sender<Claimed>,
        outcomes: &Sender<Outcome>,
    ) -> Result<bool, CatalogError> {
        let context = self.context;
        let policy = context.retry_policy(context.config.catalog_attempts);
        let mut fresh = fresh.into_iter().peekable();
        while fresh.peek().is_some() {
            // A place in the channel first: nothing is claimed that has to wait for a free downloader.
            let Ok(place) = claimed.reserve().await else { return Ok(false) };
            drop(place);
            context.dependencies.settled(context).await;
            if !context.shutdown.is_running() {
                return Ok(false);
            }
            let size = self
                .left
                .map_or(CLAIM_GROUP, |left| usize::try_from(left).map_or(CLAIM_GROUP, |left| left.min(CLAIM_GROUP)));
            let group: Vec<Gazette> = fresh.by_ref().take(size).collect();
            if group.is_empty() {
                return Ok(false);
            }
            let ids: Vec<GazetteId> = group.iter().map(|gazette| gazette.id).collect();
            let claim = || context.catalog.claim(context.run(), &ids, context.lease(), self.asked);
            let got = retrying(context, &policy, "claim gazettes", claim).await?;
            let got: HashMap<GazetteId, Claim> = got.into_iter().map(|claim| (claim.id, claim)).collect();
            failpoint::pass(Point::Claimed);
            let versions = match context.catalog.registry() {
                Some(registry) => {
                    let versions = || registry.versions(&ids);
                    retrying(context, &policy, "look up registered files", versions).await?
                }
                None => HashMap::new(),
            };
            for gazette in group {
                let Some(claim) = got.get(&gazette.id) else {
                    context.telemetry.emit(&Event::ClaimMissed { gazette: gazette.id });
                    self.missed.insert(gazette.id);
                    continue;
                };
                self.left = self.left.map(|left| left.saturating_sub(1));
                let most_starts = context.config.quarantine_after_starts;
                let sent = match quarantine::verdict(claim, most_starts).or_else(|| unreadable(&gazette)) {
                    Some(failure) => {
                        let outcome = Outcome::failed(&context.config, &gazette, failure, None, None);
                        outcomes.send(outcome).await.is_ok()
                    }
                    None => {
                        let version = versions.get(&gazette.id);
                        let version = version.map(|&(bytes, modified_ns)| FileVersion { bytes, modified_ns });
                        let suspect = quarantine::is_suspect(claim);
                        let key = gazette.file_path.as_deref().unwrap_or_default();
                        context.telemetry.emit(&Event::Claimed { gazette: gazette.id, key });
                        claimed.send(Claimed { gazette, suspect, version, ocr_due: claim.ocr_due }).await.is_ok()
                    }
                };
                if !sent {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// What the row alone says against reading it.
fn unreadable(gazette: &Gazette) -> Option<Failure> {
    if gazette.territory.is_none() {
        let id = gazette.territory_id.as_deref().unwrap_or("NULL");
        return Some(Failure::new(FailureCode::UnknownTerritory, format!("territory_id is {id}")));
    }
    if gazette.file_path.as_deref().is_none_or(|path| path.trim().is_empty()) {
        return Some(Failure::new(FailureCode::MissingFilePath, "file_path is empty"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gazette::Territory;

    #[test]
    fn rows_that_cannot_be_read_are_named_not_dropped() {
        let territory = Territory { id: "2704302".into(), name: "Maceió".into(), state_code: "AL".into() };
        let whole = Gazette {
            territory_id: Some("2704302".into()),
            territory: Some(territory),
            file_path: Some("a.pdf".into()),
            ..Gazette::bare(1)
        };
        assert_eq!(unreadable(&whole), None);
        let code = |gazette: &Gazette| unreadable(gazette).map(|failure| failure.code);
        assert_eq!(code(&Gazette { territory: None, ..whole.clone() }), Some(FailureCode::UnknownTerritory));
        assert_eq!(code(&Gazette { file_path: Some(" ".into()), ..whole.clone() }), Some(FailureCode::MissingFilePath));
        assert_eq!(code(&Gazette { file_path: None, ..whole }), Some(FailureCode::MissingFilePath));
    }
}
