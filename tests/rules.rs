//! Which test shows which rule.
//!
//! The rules stand in PROTOCOL.md: P what is sent, L what is believed, §7 what a server checks. A
//! test of one says so in its name (`p7_…`, `l1_l7_…`, `p1_to_p4_…`). Here are those that a reader
//! should begin with; there are more, found by their names. What is checked is that page, table and
//! tests do not part ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    mem::take,
    path::{Path, PathBuf},
};

use proc_macro2::{Group, TokenStream, TokenTree};

/// A rule, its tests beside the code, and those with real clients and a homeserver.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("P1", &["p1_only_what_is_readable", "p1_who_was_told_of_what_is_no_message_is_not_told_again_for_a_day"],
        &["p1_what_is_no_message_after_all_leaves_a_trace", "p1_a_late_key_is_acknowledged", "p1_a_key_that_came_while_away_is_acknowledged"]),
    ("P2", &["p2_nothing_from_before_the_join_or_the_login"],
        &["p2_what_was_missed_is_acknowledged", "p1_to_p4_nothing_for_what_is_no_message"]),
    ("P3", &["p3_neither_own_nor_redacted", "p3_a_message_without_content_was_redacted"],
        &["p1_to_p4_nothing_for_what_is_no_message",
          "p3_p4_what_only_the_server_can_vouch_for_is_nothing_when_it_came_encrypted"]),
    ("P4", &["p4_only_new_messages", "p4_only_what_a_person_sees_as_a_new_message"],
        &["p4_p7_p10_probes_are_not_answered", "p1_to_p4_nothing_for_what_is_no_message"]),
    ("P5", &["p5_auto_is_for_encrypted_rooms_known_not_to_be_public", "p5_on_is_for_every_room_and_off_for_none",
             "p5_the_room_stands_over_the_global_setting"],
        &["p5_a_room_that_is_off_says_nothing"]),
    ("P6", &["p6_auto_is_for_at_most_so_many_members"], &["p6_a_room_that_is_too_large_says_nothing"]),
    ("P7", &["p7_who", "p7_a_direct_chat_has_two_people"],
        &["p7_a_stranger_learns_nothing_until_there_was_a_reply", "p4_p7_p10_probes_are_not_answered",
          "p7_an_invite_does_not_say_what_a_direct_chat_is"]),
    ("P8", &["p8_both_are_in_the_room_and_nobody_is_ignored", "p8_p12_what_is_cancelled_is_gone",
             "p8_nothing_leaves_when_it_was_decided_too_long_ago"],
        &["p8_nothing_is_told_to_a_sender_who_has_left", "p8_nothing_is_told_to_a_sender_who_was_removed",
          "p8_nothing_is_told_by_somebody_who_has_left", "p8_what_could_not_leave_is_decided_anew"]),
    ("P9", &["p9_at_most_seven_days_old_and_five_minutes_ahead"],
        &["p9_what_comes_too_late_is_not_acknowledged", "p9_what_comes_too_early_is_not_acknowledged"]),
    ("P10", &["p10_sixty_at_once_then_one_a_second_for_ten_minutes_and_no_more",
              "p10_sixty_and_one_a_second_leave_and_nobody_else_waits"],
        &["p4_p7_p10_probes_are_not_answered"]),
    ("P11", &["p11_delays", "p11_all_that_is_owed_by_a_moment_leaves_at_it",
              "p11_many_senders_and_messages_tell_no_more_than_one",
              "p11_two_hundred_receipts_tell_a_second_of_sleep_but_not_under_guarded",
              "p11_the_answer_tells_the_time_of_sending_only"], &[]),
    ("P12", &["p12_incognito_withholds_everywhere_or_here_and_what_was_sent_before_it_ended"],
        &["p12_nothing_is_made_up_for_after_incognito"]),
    ("P13", &["p13_who_is_told_which_device_it_is", "p13_a_device_is_named_only_on_purpose"],
        &["p13_a_device_that_is_not_named_stays_unknown", "p13_nothing_goes_direct_where_no_device_is_named"]),
    ("P14", &["p14_who_learns_how_far_one_has_read", "p14_what_a_stranger_can_see_waits",
              "p14_p15_people_one_has_dealt_with_are_told_and_strangers_are_not",
              "p14_p15_incognito_ends_both_unless_they_are_set_otherwise"],
        &["p14_p15_a_stranger_learns_neither_what_is_read_nor_that_one_types", "p14_p15_incognito_ends_both",
          "p14_off_is_nothing", "p14_what_cannot_be_read_is_not_said_to_be_read", "p14_what_a_stranger_can_see_waits"]),
    ("P15", &["p15_who_is_told_that_one_types", "p14_p15_people_one_has_dealt_with_are_told_and_strangers_are_not",
              "p14_p15_incognito_ends_both_unless_they_are_set_otherwise"],
        &["p14_p15_a_stranger_learns_neither_what_is_read_nor_that_one_types", "p14_p15_incognito_ends_both",
          "p15_nobody_is_told_that_one_is_online"]),
    ("L1", &["l1_an_early_claim_is_held_until_its_event_is_known", "l1_what_is_held_is_bounded",
             "l1_a_claim_that_names_another_event_or_room_is_refused_and_changes_nothing"],
        &["l1_to_l7_liars_in_the_homeservers_place", "l1_to_l7_liars_from_device_to_device",
          "l1_a_claim_before_its_event_is_held"]),
    ("L2", &["l2_who_may_claim", "l2_l5_receipts_of_others_are_believed_and_told",
             "l1_l2_l7_a_claim_that_is_not_believed_is_counted_as_what_it_is"],
        &["l2_a_claim_without_encryption_is_ignored", "l1_to_l7_liars_in_the_homeservers_place",
          "l1_to_l7_liars_from_device_to_device", "l2_a_homeserver_takes_no_lies"]),
    ("L3", &["l3_merging_is_order_free_and_idempotent", "l3_claims_are_merged_on_disk_as_in_memory",
             "l3_both_names_are_one_type"],
        &["l1_to_l7_liars_in_the_homeservers_place", "l1_to_l7_liars_from_device_to_device"]),
    ("L4", &["l4_an_impossible_time_is_unknown"],
        &["l1_to_l7_liars_in_the_homeservers_place", "l1_to_l7_liars_from_device_to_device"]),
    ("L5", &["l5_silence_is_unknown_until_any_device_of_the_person_has_ever_answered"],
        &["l5_a_message_that_a_device_has_missed_is_seen", "l5_a_device_that_fell_silent_is_not_waited_for",
          "l5_read_is_what_a_read_receipt_says", "l5_receipts_that_were_switched_off_are_unknown",
          "l5_what_came_incognito_is_unknown"]),
    ("L6", &["l6_a_malformed_entry_costs_that_entry_only", "l6_what_is_read_of_any_json_is_well_formed"],
        &["l1_to_l7_liars_in_the_homeservers_place", "l1_to_l7_liars_from_device_to_device"]),
    ("L7", &["l7_only_so_many_are_read", "l7_nobody_fills_the_ledger_with_made_up_devices"],
        &["l1_to_l7_liars_in_the_homeservers_place", "l1_to_l7_liars_from_device_to_device",
          "l7_who_lacks_a_message_to_many_is_read_from_disk"]),
    ("L8", &["l8_after_a_kill_everything_that_was_written_is_there",
             "l8_a_sync_goes_on_when_its_receipts_are_on_disk", "l8_what_came_early_outlives_a_kill",
             "l8_a_request_that_seems_lost_is_made_again_three_times"],
        &["l8_a_killed_sender_shows_the_same_ticks", "l8_a_receipt_before_the_echo_outlives_a_kill",
          "l8_a_receipt_that_a_kill_has_lost_is_told_again", "l8_a_request_that_was_lost_is_made_again"]),
    ("§7.1", &["size_over_4_kib_is_refused_before_the_token_is_looked_at"], &[]),
    ("§7.2", &["the_token_gives_the_only_identity_there_is"], &[]),
    ("§7.3", &["what_is_no_json_object_is_400_not_json", "thread_id_is_400_invalid_param",
               "both_names_are_known_and_one_that_is_not_taken_is_400_so_that_a_client_falls_back"],
        &["the_other_name_is_used_where_the_stable_one_is_refused"]),
    ("§7.4", &["over_the_rate_limit_is_429_with_retry_after"], &[]),
    ("§7.5", &["who_is_not_joined_now_gets_403"], &["l2_a_homeserver_takes_no_lies"]),
    ("§7.6", &["unknown_invisible_and_wrong_room_are_one_and_the_same_404",
               "what_was_sent_before_the_callers_join_is_404_also_when_nothing_would_come_of_it"],
        &["l2_a_homeserver_takes_no_lies"]),
    ("§7.7", &["own_redacted_and_state_events_are_200_and_nothing_else"], &[]),
];

#[test]
fn the_table_has_the_rules_of_the_protocol_page() {
    let page = fs::read_to_string(package().join("PROTOCOL.md")).expect("the page is there");
    let named: Vec<_> = TABLE.iter().map(|(rule, ..)| (*rule).to_owned()).collect();
    assert_eq!(named, rules(&page));
}

#[test]
fn every_rule_has_tests_and_every_test_that_is_listed_is_there() {
    let all = all_tests();
    for (rule, beside, real) in TABLE {
        assert!(!beside.is_empty(), "{rule} has no test");
        for (tests, folder) in [(beside, "src/"), (real, "tests/real/")] {
            for test in *tests {
                let is_there = all.get(*test).is_some_and(|files| files.iter().any(|file| file.starts_with(folder)));
                assert!(is_there, "{rule}: there is no test `{test}` under {folder}");
                assert!(rule.starts_with('§') || rules_of(test).contains(*rule), "{rule}: `{test}` says another rule");
            }
        }
    }
}

#[test]
fn every_test_that_names_a_rule_names_one_that_there_is() {
    let known: BTreeSet<_> = TABLE.iter().map(|(rule, ..)| (*rule).to_owned()).collect();
    for (test, files) in all_tests() {
        let unknown: Vec<_> = rules_of(&test).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{files:?}: `{test}` names {unknown:?}, which PROTOCOL.md does not know");
    }
}

/// The rules of PROTOCOL.md in their order: the rows of its tables, and the steps of §7.
fn rules(page: &str) -> Vec<String> {
    let mut section = "";
    let mut rules = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.split('.').next().unwrap_or_default();
        }
        let rule = line.strip_prefix("| ").and_then(|row| row.split(' ').next()).filter(|name| is_rule(name));
        let step = line.split_once(". ").map(|(number, _)| number).filter(|number| number.parse::<u8>().is_ok());
        rules.extend(rule.map(ToOwned::to_owned));
        rules.extend(step.filter(|_| section == "7").map(|number| format!("§7.{number}")));
    }
    rules
}

fn is_rule(name: &str) -> bool {
    name.strip_prefix(['P', 'L']).is_some_and(|number| number.parse::<u8>().is_ok())
}

/// The rules that a test's name begins with.
fn rules_of(test: &str) -> BTreeSet<String> {
    let mut rules: Vec<String> = Vec::new();
    let mut range = false;
    for word in test.split('_') {
        let name = word.to_uppercase();
        match rules.last() {
            _ if is_rule(&name) && word != name => {
                if let Some(first) = rules.last().filter(|_| range) {
                    let [from, to] = [first, &name].map(|name| name[1..].parse::<u8>().expect("a rule has a number"));
                    rules.extend((from..=to).map(|number| format!("{}{number}", &name[..1])));
                }
                rules.push(name);
                range = false;
            }
            Some(_) if word == "to" && !range => range = true,
            _ => break,
        }
    }
    rules.into_iter().collect()
}

/// Every test of the package, with the files that it is in.
fn all_tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![package().join("src"), package().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the package can be read") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let file = path.strip_prefix(package()).expect("it is in the package").display().to_string();
                let mut names = Vec::new();
                tests_in(text.parse().unwrap_or_else(|error| panic!("{file}: {error}")), &mut names);
                for name in names {
                    tests.entry(name).or_default().insert(file.clone());
                }
            }
        }
    }
    tests
}

/// Functions under `#[test]` or its like, also inside macros, and the scenarios of `on!`.
fn tests_in(code: TokenStream, names: &mut Vec<String>) {
    let trees: Vec<_> = code.into_iter().collect();
    let mut is_test = false;
    for (index, tree) in trees.iter().enumerate() {
        match (tree, trees.get(index + 1), trees.get(index + 2)) {
            (TokenTree::Punct(hash), Some(TokenTree::Group(attribute)), _) if hash.as_char() == '#' => {
                is_test |= words(attribute).last().is_some_and(|last| last == "test");
            }
            (TokenTree::Ident(word), Some(TokenTree::Ident(name)), _) if word == "fn" && take(&mut is_test) => {
                names.push(name.to_string());
            }
            (TokenTree::Ident(word), Some(TokenTree::Punct(_)), Some(TokenTree::Group(scenario))) if word == "on" => {
                names.extend(words(scenario).first().cloned());
            }
            (TokenTree::Group(group), ..) => tests_in(group.stream(), names),
            _ => {}
        }
    }
}

fn words(group: &Group) -> Vec<String> {
    let words = group.stream().into_iter().filter_map(|tree| match tree {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words.collect()
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn a_name_says_its_rules() {
    for (test, rules) in [
        ("p7_who", &["P7"][..]),
        ("p10_p11_a_turn", &["P10", "P11"]),
        ("p1_to_p4_nothing", &["P1", "P2", "P3", "P4"]),
        ("l1_to_a_room", &["L1"]),
        ("p99_unheard_of", &["P99"]),
        ("pages_of_p7", &[]),
    ] {
        assert_eq!(rules_of(test), rules.iter().map(ToString::to_string).collect(), "{test}");
    }
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    let code = "fn p1_a() {} #[test] fn p2_b() {} #[tokio::test(flavor = \"x\")] async fn p3_c() {} \
                #[cfg(test)] mod tests { fn p4_d() {} } proptest! { #[test] fn p5_e(x in 0..1) {} } on!(p6_f: synapse);";
    let mut names = Vec::new();
    tests_in(code.parse().unwrap(), &mut names);
    assert_eq!(names, ["p2_b", "p3_c", "p5_e", "p6_f"]);
}
