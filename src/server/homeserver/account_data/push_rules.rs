//! Push rules: kept as account data of the type `m.push_rules`, changed one by one. What they mean
//! ruma knows.

use ruma::{
    api::client::push::{
        PushRule, delete_pushrule, get_pushrule, get_pushrule_actions, get_pushrule_enabled, get_pushrules_all,
        get_pushrules_global_scope, set_pushrule, set_pushrule_actions, set_pushrule_enabled,
    },
    push::{
        AnyPushRule, AnyPushRuleRef, InsertPushRuleError, RemovePushRuleError, RuleKind, RuleNotFoundError, Ruleset,
    },
};
use serde_json::json;

use super::{
    super::{
        error::{Answer, invalid, not_found},
        http::Routes,
        world::{Caller, World},
    },
    set,
};

#[cfg(test)]
mod tests;

const TYPE: &str = "m.push_rules";

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(all).on(global).on(rule).on(actions).on(enabled).on(put).on(delete).on(set_actions).on(set_enabled)
}

/// The rules of who asks.
fn rules(world: &mut World, caller: &Caller) -> Answer<Ruleset> {
    let kept = world.account(caller)?.account_data.get(TYPE);
    let rules = kept.and_then(|(_, content)| serde_json::from_value(content["global"].clone()).ok());
    Ok(rules.unwrap_or_else(|| Ruleset::server_default(&caller.user_id)))
}

fn change<E>(
    world: &mut World,
    caller: &Caller,
    change: impl FnOnce(&mut Ruleset) -> Result<(), E>,
) -> Answer<Result<(), E>> {
    let mut rules = rules(world, caller)?;
    let changed = change(&mut rules);
    if changed.is_ok() {
        set(world, &caller.user_id, TYPE, json!({ "global": rules }));
    }
    Ok(changed)
}

fn find(world: &mut World, caller: &Caller, kind: RuleKind, id: &str) -> Answer<AnyPushRule> {
    let rules = rules(world, caller)?;
    rules.get(kind, id).map(AnyPushRuleRef::to_owned).ok_or_else(|| not_found("You have no such push rule"))
}

fn all(
    world: &mut World,
    caller: Caller,
    _: get_pushrules_all::v3::Request,
) -> Answer<get_pushrules_all::v3::Response> {
    Ok(get_pushrules_all::v3::Response::new(rules(world, &caller)?))
}

fn global(
    world: &mut World,
    caller: Caller,
    _: get_pushrules_global_scope::v3::Request,
) -> Answer<get_pushrules_global_scope::v3::Response> {
    Ok(get_pushrules_global_scope::v3::Response::new(rules(world, &caller)?))
}

fn rule(world: &mut World, caller: Caller, request: get_pushrule::v3::Request) -> Answer<get_pushrule::v3::Response> {
    let rule = find(world, &caller, request.kind, &request.rule_id)?;
    Ok(get_pushrule::v3::Response::new(PushRule::from(rule)))
}

fn actions(
    world: &mut World,
    caller: Caller,
    request: get_pushrule_actions::v3::Request,
) -> Answer<get_pushrule_actions::v3::Response> {
    let rule = find(world, &caller, request.kind, &request.rule_id)?;
    Ok(get_pushrule_actions::v3::Response::new(rule.actions().to_vec()))
}

fn enabled(
    world: &mut World,
    caller: Caller,
    request: get_pushrule_enabled::v3::Request,
) -> Answer<get_pushrule_enabled::v3::Response> {
    let rule = find(world, &caller, request.kind, &request.rule_id)?;
    Ok(get_pushrule_enabled::v3::Response::new(rule.enabled()))
}

fn put(world: &mut World, caller: Caller, request: set_pushrule::v3::Request) -> Answer<set_pushrule::v3::Response> {
    let (after, before) = (request.after.as_deref(), request.before.as_deref());
    change(world, &caller, |rules| rules.insert(request.rule, after, before))?.map_err(|why| match why {
        InsertPushRuleError::UnknownRuleId => not_found(why.to_string()),
        _ => invalid(why.to_string()),
    })?;
    Ok(set_pushrule::v3::Response::new())
}

fn delete(
    world: &mut World,
    caller: Caller,
    request: delete_pushrule::v3::Request,
) -> Answer<delete_pushrule::v3::Response> {
    change(world, &caller, |rules| rules.remove(request.kind, &request.rule_id))?.map_err(|why| match why {
        RemovePushRuleError::NotFound => not_found(why.to_string()),
        _ => invalid(why.to_string()),
    })?;
    Ok(delete_pushrule::v3::Response::new())
}

fn set_actions(
    world: &mut World,
    caller: Caller,
    request: set_pushrule_actions::v3::Request,
) -> Answer<set_pushrule_actions::v3::Response> {
    change(world, &caller, |rules| rules.set_actions(request.kind, &request.rule_id, request.actions))?
        .map_err(|why: RuleNotFoundError| not_found(why.to_string()))?;
    Ok(set_pushrule_actions::v3::Response::new())
}

fn set_enabled(
    world: &mut World,
    caller: Caller,
    request: set_pushrule_enabled::v3::Request,
) -> Answer<set_pushrule_enabled::v3::Response> {
    change(world, &caller, |rules| rules.set_enabled(request.kind, &request.rule_id, request.enabled))?
        .map_err(|why: RuleNotFoundError| not_found(why.to_string()))?;
    Ok(set_pushrule_enabled::v3::Response::new())
}
