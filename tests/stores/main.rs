//! One suite that every store passes, and what only the embedded store promises.
//!
//! A case is an async function of a fresh, initialised store. A new store joins with a factory in `subjects`
//! and its name in `suites!`; nothing in `cases` knows which store it runs on.

#![cfg(test)]

mod cases;
mod embedded_only;
mod samples;
mod subjects;
#[path = "../support/mod.rs"]
mod support;

/// Runs every case on the stores that `$subject` makes.
macro_rules! suite {
    ($store:ident: $($group:ident::{$($case:ident),+ $(,)?}),+ $(,)?) => {
        mod $store {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::cases::$group::$case(crate::subjects::$store().await).await;
                })+
            })+
        }
    };
}

/// All cases, once for each store.
macro_rules! suites {
    ($($store:ident),+ $(,)?) => {
        $(suite! {
            $store:
            reading::{
                a_store_nobody_wrote_to_is_not_an_empty_one,
                initialising_again_changes_nothing,
                an_absence_is_known,
                reads_back_what_was_written,
                another_case_is_another_identifier,
            },
            writing::{
                replaces_only_what_was_expected,
                replacing_drops_the_accounts_that_left,
                a_change_puts_removes_and_counts,
                a_change_of_an_old_generation_is_refused_whole,
                a_change_of_an_unknown_organization_conflicts,
                a_change_that_does_not_add_up_is_refused_whole,
                enabling_numbers_stay_as_given,
                generations_rise_across_organizations,
                a_large_organization_is_replaced_at_once,
            },
            paging::{
                pages_accounts_in_byte_order,
                prefixes_and_case_twins_keep_apart,
                every_page_names_one_generation,
                pages_the_organizations_of_an_account,
                a_membership_that_ended_is_not_listed,
                pages_all_organizations,
            },
            stamping::{
                a_grant_moves_its_account_alone,
                a_header_moves_its_organization,
                a_removal_moves_its_account,
                a_replacement_moves_what_it_touches,
                a_deletion_moves_its_organization,
                what_was_refused_moves_nothing,
                a_stamp_taken_after_a_write_stays,
            },
            deleting::{
                a_deleted_organization_is_unknown_and_may_come_again,
                a_deletion_is_refused_when_something_was_written_meanwhile,
                a_large_organization_is_deleted_at_once,
            },
            ledger::{
                each_write_leaves_one_record_and_a_refused_one_none,
                pages_the_audit,
                a_trimmed_audit_is_sound_from_there_on,
                an_idempotency_key_is_used_once,
                a_verification_finds_nothing_while_others_write,
            },
            concurrency::{
                no_update_is_lost,
                replaces_at_the_same_time_do_no_harm,
                a_replacement_is_seen_whole,
                reserved_numbers_are_all_different,
            },
        })+
    };
}

suites!(embedded, redis);
