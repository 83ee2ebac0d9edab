//! The list of cases: one function per promise, in files by subject.

use crate::{ends, keeping, lives, losses, places};

macro_rules! cases {
    ($($subject:ident: $($name:ident)*;)*) => {
        pub(crate) const ALL: &[(&str, fn())] = &[$($((stringify!($name), $subject::$name)),*),*];
    };
}

cases! {
    ends:
        exits_are_told_until_acknowledged
        an_end_between_birth_and_store_is_kept
        a_run_is_heard_of_before_its_end_is_judged
        an_orphan_is_not_taken_for_its_leader
        a_leader_that_lost_its_tag_is_known_by_its_pidfd
        of_unknown_leaders_the_oldest_counts
        ends_of_runs_without_items_are_nobodys_business
        no_exit_is_told_before_the_daemon_asks;
    keeping:
        descriptors_come_back_to_every_daemon
        dropped_items_do_not_come_back
        last_messages_of_a_dead_daemon_count
        output_of_the_gap_is_exact_to_the_byte
        no_byte_is_moved_while_a_daemon_lives
        output_waits_while_the_file_refuses_it
        apps_survive_many_kills;
    places:
        twenty_guardians_settle_to_one
        a_stale_socket_is_replaced
        a_removed_socket_comes_back
        long_paths_and_spaces_are_no_obstacle
        an_unusable_home_is_told_to_the_launcher;
    lives:
        idle_costs_nothing
        the_next_daemon_waits_longer_after_each_short_life
        the_end_signal_goes_to_the_daemon
        a_daemon_that_does_not_answer_is_replaced
        leaving_is_graceful
        an_update_replaces_both_in_place
        a_bad_update_is_rolled_back
        a_failing_exec_changes_nothing
        an_orphaned_daemon_hands_over;
    losses:
        the_end_of_a_zombie_nobody_reaps_is_told_with_its_code
        output_is_redirected_without_losing_its_pipe
        a_home_that_another_guardian_took_is_left_alone;
}
