//! Push rules: those that everybody has, and those that a user makes.

use serde_json::Value;

use super::{super::super::testing::*, *};

fn rule_json(world: &mut World, caller: &Caller, kind: &str, id: &str) -> Value {
    body(rule(world, caller.clone(), request(&[kind, id], "", json!({}))))
}

fn put_json(world: &mut World, caller: &Caller, path: [&str; 2], query: &str, rule: Value) -> Answer<()> {
    put(world, caller.clone(), request(&path, query, rule)).map(|_| ())
}

/// The ids of a kind's rules, in their order.
fn ids(world: &World, caller: &Caller, kind: &str) -> Vec<String> {
    let (_, content) = &world.users[&caller.user_id].account_data[TYPE];
    let rules = content["global"][kind].as_array().unwrap();
    rules.iter().map(|rule| rule["rule_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_account_begins_with_the_rules_of_the_specification() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let master = rule_json(&mut world, &ada, "override", ".m.rule.master");
    assert_eq!((&master["default"], &master["enabled"]), (&json!(true), &json!(false)));
    let kept = rules(&mut world, &ada).unwrap();
    assert_eq!(json!(kept), json!(Ruleset::server_default(&ada.user_id)), "they survive being kept");
    let (everything, rules) = (request(&[], "", json!({})), request(&[], "", json!({})));
    let everything = body(all(&mut world, ada.clone(), everything));
    assert_eq!(everything["global"], body(global(&mut world, ada, rules)));
}

#[test]
fn a_rule_is_made_moved_changed_and_deleted() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let since = world.position;
    let tea = json!({ "pattern": "tea", "actions": ["notify"] });
    put_json(&mut world, &ada, ["content", "tea"], "", tea.clone()).unwrap();
    put_json(&mut world, &ada, ["content", "milk"], "after=tea", tea).unwrap();
    assert_eq!(ids(&world, &ada, "content")[..2], ["tea", "milk"]);
    assert!(world.users[&ada.user_id].account_data[TYPE].0 > since, "a sync tells it");

    let off = request(&["content", "tea"], "", json!({ "enabled": false }));
    set_enabled(&mut world, ada.clone(), off).unwrap();
    let silent = request(&["content", "tea"], "", json!({ "actions": [] }));
    set_actions(&mut world, ada.clone(), silent).unwrap();
    let rule = rule_json(&mut world, &ada, "content", "tea");
    let expected = json!({ "rule_id": "tea", "pattern": "tea", "actions": [], "default": false, "enabled": false });
    assert_eq!(rule, expected);
    let path = ["content", "tea"];
    let is_on = body(enabled(&mut world, ada.clone(), request(&path, "", json!({}))));
    assert_eq!(is_on, json!({ "enabled": false }));
    let does = body(actions(&mut world, ada.clone(), request(&path, "", json!({}))));
    assert_eq!(does, json!({ "actions": [] }));

    delete(&mut world, ada.clone(), request(&path, "", json!({}))).unwrap();
    assert_eq!(ids(&world, &ada, "content")[0], "milk");
}

#[test]
fn what_a_rule_must_not_be_is_refused_and_changes_nothing() {
    let mut world = world();
    let ada = login(&mut world, "ada", "PHONE");
    let before = world.users[&ada.user_id].account_data.clone();
    let rule = json!({ "actions": [] });
    let put_wrong = [
        (["room", "!room:localhost"], "after=nowhere", (404, "M_NOT_FOUND")),
        (["override", ".mine"], "", (400, "M_INVALID_PARAM")),
        (["override", "mine"], "before=.m.rule.master", (400, "M_INVALID_PARAM")),
    ];
    for (path, query, expected) in put_wrong {
        let mut rule = rule.clone();
        rule["conditions"] = json!([]);
        let refused = put_json(&mut world, &ada, path, query, rule);
        assert_eq!(refusal(refused), (expected.0, expected.1.to_owned()), "{path:?} {query}");
    }
    let delete_wrong = [(".m.rule.master", (400, "M_INVALID_PARAM")), ("mine", (404, "M_NOT_FOUND"))];
    for (id, expected) in delete_wrong {
        let refused = delete(&mut world, ada.clone(), request(&["override", id], "", json!({})));
        assert_eq!(refusal(refused), (expected.0, expected.1.to_owned()), "{id}");
    }
    for kind in ["override", "nothing"] {
        let refused = set_enabled(&mut world, ada.clone(), request(&[kind, "mine"], "", json!({ "enabled": true })));
        assert_eq!(refusal(refused), (404, "M_NOT_FOUND".to_owned()), "{kind}");
    }
    assert_eq!(world.users[&ada.user_id].account_data, before);
}
