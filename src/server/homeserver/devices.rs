//! A user's devices: which there are, what they are called, and their end.

use ruma::{
    DeviceId, MilliSecondsSinceUnixEpoch, UInt,
    api::client::device::{self, delete_device, delete_devices, get_device, get_devices, update_device},
};

use super::{
    accounts,
    error::{Answer, not_found},
    http::Routes,
    world::{Caller, Device, World},
};

#[cfg(test)]
mod tests;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes.on(list).on(get).on(rename).on(delete).on(delete_several)
}

fn list(world: &mut World, caller: Caller, _: get_devices::v3::Request) -> Answer<get_devices::v3::Response> {
    let devices = world.account(&caller)?.devices.iter().map(|(id, device)| shown(id, device));
    Ok(get_devices::v3::Response::new(devices.collect()))
}

fn get(world: &mut World, caller: Caller, request: get_device::v3::Request) -> Answer<get_device::v3::Response> {
    let device = find(world, &caller, &request.device_id)?;
    Ok(get_device::v3::Response::new(shown(&request.device_id, device)))
}

fn find<'a>(world: &'a mut World, caller: &Caller, id: &DeviceId) -> Answer<&'a mut Device> {
    world.account(caller)?.devices.get_mut(id).ok_or_else(|| not_found("You have no such device"))
}

fn shown(id: &DeviceId, device: &Device) -> device::Device {
    let mut shown = device::Device::new(id.to_owned());
    shown.display_name.clone_from(&device.name);
    shown.last_seen_ts = UInt::new(device.last_seen.as_millis()).map(MilliSecondsSinceUnixEpoch);
    shown
}

/// Others see the name beside the device's keys, so it changes for them too.
fn rename(
    world: &mut World,
    caller: Caller,
    request: update_device::v3::Request,
) -> Answer<update_device::v3::Response> {
    let device = find(world, &caller, &request.device_id)?;
    if request.display_name.is_some() {
        device.name = request.display_name;
        world.keys_changed(&caller.user_id);
    }
    Ok(update_device::v3::Response::new())
}

fn delete(
    world: &mut World,
    caller: Caller,
    request: delete_device::v3::Request,
) -> Answer<delete_device::v3::Response> {
    accounts::prove(world, &caller, request.auth.as_ref())?;
    remove(world, &caller, &request.device_id);
    Ok(delete_device::v3::Response::new())
}

fn delete_several(
    world: &mut World,
    caller: Caller,
    request: delete_devices::v3::Request,
) -> Answer<delete_devices::v3::Response> {
    accounts::prove(world, &caller, request.auth.as_ref())?;
    for device in request.devices {
        remove(world, &caller, &device);
    }
    Ok(delete_devices::v3::Response::new())
}

/// A device that is not there has been removed already.
fn remove(world: &mut World, caller: &Caller, device: &DeviceId) {
    let device = Caller { user_id: caller.user_id.clone(), device_id: device.to_owned() };
    if world.device(&device).is_some() {
        accounts::remove_device(world, &device);
    }
}
