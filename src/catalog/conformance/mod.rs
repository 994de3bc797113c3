//! One suite for every catalogue: SQLite always, PostgreSQL where `PRELO_TEST_CATALOG` names one.

mod audits;
mod connections;
mod failures;
mod files;
mod leases;
mod numbers;
mod outcomes;
mod paging;
mod scans;
mod schema;
mod selections;
mod state_machine;
mod world;

/// Makes of each `module::test` one test against SQLite and one against PostgreSQL.
macro_rules! against_both {
    ($($module:ident::$test:ident;)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::world::in_sqlite(async |world| super::$module::$test(world).await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::world::in_postgres(async |world| super::$module::$test(world).await).await;
            })+
        }
    };
}

against_both! {
    schema::missing_tables_are_named;
    schema::migrating_twice_changes_nothing;
    schema::older_tables_are_carried_on;
    schema::concurrent_migrations_do_not_clash;
    selections::modes_choose_by_state;
    selections::what_prelo_has_not_read_comes_to_an_end;
    selections::filters_narrow;
    selections::asking_for_failures_finds_waiting_and_permanent_ones;
    selections::gazettes_of_unknown_territories_come_through;
    selections::another_file_or_a_newer_reader_brings_a_failure_back;
    selections::daily_begins_at_the_last_finished_daily_run;
    selections::failures_that_are_due_come_back_whatever_the_mark_or_the_day;
    paging::offsets_lose_nothing_while_rows_leave_the_predicate;
    paging::keyset_reads_every_row_once;
    paging::others_may_insert_delete_and_flip_meanwhile;
    paging::the_last_pass_is_empty_when_all_was_touched;
    leases::a_second_run_is_busy;
    leases::of_those_that_begin_at_once_one_starts;
    leases::a_dead_run_is_taken_over_and_its_late_marks_are_refused;
    leases::a_heartbeat_keeps_the_lease;
    leases::claims_of_two_tokens_are_disjoint;
    leases::calls_of_one_run_may_overlap;
    leases::only_rows_that_exist_are_claimed;
    leases::released_gazettes_are_as_before;
    leases::finishing_frees_what_is_left;
    outcomes::completing_writes_everything_down_and_again_is_harmless;
    outcomes::completing_an_exchanged_file_leaves_it_pending;
    outcomes::failing_leaves_processed_alone_and_again_is_harmless;
    outcomes::many_marks_fit_one_call;
    outcomes::details_may_hold_anything;
    audits::marked_rows_are_paged_by_id;
    audits::rows_of_every_state_are_told_apart;
    audits::reopened_gazettes_are_pending_and_nothing_else_changes;
    audits::reopening_respects_leases;
    failures::later_attempts_are_ever_rarer_and_then_spent;
    failures::a_success_ends_the_row_of_failures;
    failures::starts_of_readings_that_never_ended_count;
    failures::a_start_is_counted_once_for_a_claim;
    failures::another_file_a_newer_reader_or_a_wish_begins_anew;
    failures::what_died_of_a_new_file_is_not_forgiven_twice;
    failures::whoever_was_asked_for_is_due_until_it_has_an_outcome;
    numbers::a_selection_is_summed_up;
    numbers::paths_are_sampled_over_the_selection;
    numbers::the_status_counts_every_state;
    numbers::runs_are_listed_newest_first;
    numbers::a_run_shows_itself_to_others;
    numbers::what_waits_is_counted_for_metrics;
    failures::a_code_is_made_due_at_once;
    numbers::explaining_tells_the_story;
    numbers::attempts_are_kept_with_the_marks_and_only_the_last_ones;
    numbers::failures_are_listed_by_code_and_territory;
    numbers::what_was_indexed_is_listed_whatever_became_of_it;
    numbers::territories_with_gazettes_are_listed;
    scans::what_is_put_off_changes_lanes;
    scans::what_was_read_in_part_is_due_no_more;
    scans::without_ocr_scans_are_files_like_others;
    scans::another_file_is_read_before_its_scans;
    scans::scans_that_were_asked_for_by_another_name_are_read_in_the_same_run;
}
