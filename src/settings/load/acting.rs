//! The keys of `[acting]`.

use crate::settings::Acting;
use crate::settings::check::*;
use crate::settings::fragment::ActingTable;

use super::File;

impl File<'_> {
    pub(super) fn acting(&mut self, acting: ActingTable, it: &mut Acting) {
        self.checked(
            "acting.unhealthy_after",
            acting.unhealthy_after,
            &mut it.unhealthy_after,
            off_or_duration,
        );
        self.checked("acting.group", acting.group, &mut it.group, some_name);
        self.checked(
            "acting.launch_hook",
            acting.launch_hook,
            &mut it.launch_hook,
            some_name,
        );
        self.checked(
            "acting.abandon_after",
            acting.abandon_after,
            &mut it.abandon_after,
            duration,
        );
        self.checked(
            "acting.heartbeat",
            acting.heartbeat,
            &mut it.heartbeat,
            duration,
        );
        self.checked(
            "acting.drain_on",
            acting.drain_on,
            &mut it.drain_on,
            notices,
        );
        self.checked(
            "acting.drain_budget",
            acting.drain_budget,
            &mut it.drain_budget,
            duration,
        );
        self.checked("acting.command", acting.command, &mut it.command, command);
        self.checked(
            "acting.power_off_after",
            acting.power_off_after,
            &mut it.power_off_after,
            off_or_duration,
        );
    }
}
