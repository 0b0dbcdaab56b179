//! The look as figures, for Prometheus. `docs/operations.md` says what each means.

use bus::Backlog;
use metrics::gauge;
use model::Timestamp;

use crate::{Look, Severity};

#[expect(clippy::cast_precision_loss, reason = "a gauge needs no last digit")]
fn set(name: &'static str, labels: &[(&'static str, String)], value: u64) {
    gauge!(name, labels).set(value as f64);
}

/// Sets every gauge.
pub(crate) fn measure(look: &Look) {
    let age = |since: Option<Timestamp>| since.map_or(0, |since| (look.at.as_second() - since.as_second()).max(0).unsigned_abs());
    let waiting = |backlog: Option<&Backlog>| (backlog.map_or(0, |one| one.waiting), age(backlog.and_then(|one| one.oldest)));
    set("muara_bus_answers", &[], look.bus.into());
    for severity in [Severity::Soon, Severity::Now] {
        set("muara_alarms", &[("severity", severity.as_str().to_owned())], look.count(severity));
    }
    for way in &look.ways {
        let labels = [("adapter", way.channel.adapter.to_string()), ("account", way.channel.account.clone())];
        set("muara_channel_messages_today", &labels, way.today);
        set("muara_channel_messages_week", &labels, way.week);
        set("muara_channel_last_message_seconds", &labels, age(way.last_message));
        set("muara_channel_replies_due", &labels, way.due.as_ref().map_or(0, |due| due.replies));
        set("muara_channel_replies_due_oldest_seconds", &labels, age(way.due.as_ref().map(|due| due.oldest)));
        set("muara_channel_replies_failed_week", &labels, way.failed.iter().map(|failed| failed.replies).sum());
        set("muara_channel_paused", &labels, way.paused.is_some().into());
        set("muara_channel_alarms", &labels, way.alarms.len() as u64);
    }
    for (name, program) in &look.programs {
        let labels = [("adapter", name.to_string())];
        set("muara_adapter_alive", &labels, program.is_alive(look.at).into());
        set("muara_adapter_alarms", &labels, program.alarms.len() as u64);
        let (raw, raw_age) = waiting(program.raw.as_ref());
        set("muara_adapter_raw_waiting", &labels, raw);
        set("muara_adapter_raw_oldest_seconds", &labels, raw_age);
        let (replies, replies_age) = waiting(program.replies.as_ref());
        set("muara_adapter_replies_waiting", &labels, replies);
        set("muara_adapter_replies_oldest_seconds", &labels, replies_age);
    }
    let (events, events_age) = waiting(look.events.as_ref());
    set("muara_events_waiting", &[], events);
    set("muara_events_oldest_seconds", &[], events_age);
    set("muara_parked", &[], look.parked);
    for fill in &look.fill {
        set("muara_stream_full_percent", &[("stream", fill.stream.clone())], fill.per_cent());
    }
    let work = &look.work;
    set("muara_complaints_unrouted", &[], work.unrouted);
    set("muara_complaints_unrouted_oldest_seconds", &[], age(work.oldest_unrouted));
    set("muara_complaints_open", &[], work.open);
    set("muara_complaints_overdue", &[], work.overdue);
    set("muara_agencies_untold", &[], work.untold);
    set("muara_agencies_refused", &[], work.refused);
    set("muara_data_requests_waiting", &[], look.requests.all);
    set("muara_data_requests_late", &[], look.requests.late);
    set("muara_attachments_due", &[], work.attachments);
}
