//! Why a receipt was withheld: one table for the rule, the sentence, the code on disk and how long
//! it holds.

use crate::model::ReceiptStatus;

/// Why no receipt is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// P1: it cannot be read (yet).
    Undecryptable,
    /// P2: older than the own join or this device's login.
    BeforeJoin,
    /// P2: the own join is not known (yet).
    JoinTimeUnknown,
    /// P3: sent by this account.
    Own,
    /// P3: removed.
    Redacted,
    /// P4: nothing that a person sees as a new message.
    NotAMessage,
    /// P5: switched off, here or everywhere.
    Off,
    /// P5: there is no route to send it by, by setting.
    RouteOff,
    /// P5: the room is not encrypted.
    NotEncrypted,
    /// P5: the room is public.
    Public,
    /// P5: the join rule is not known.
    JoinRuleUnknown,
    /// P6: the room is too large.
    TooManyMembers,
    /// P7: the sender is not known to this user.
    Stranger,
    /// P7: the sender is not verified.
    NotVerified,
    /// P7: nobody is sent receipts, or not this person.
    Nobody,
    /// P8: this user is not in the room.
    Left,
    /// P8: the sender is not in the room.
    SenderLeft,
    /// P8: the sender is ignored.
    Ignored,
    /// P9: more than seven days old.
    TooOld,
    /// P9: more than five minutes ahead of this clock.
    FromTheFuture,
    /// P10: the sender has sent more than is acknowledged.
    TooMany,
    /// P12: this user is or was incognito.
    Incognito,
    /// P13: the only route left names this device, and the sender is not to know it.
    DeviceNotNamed,
    /// §2: receipts may go through the homeserver only, and it does not pass them on to the sender.
    NoNative,
    /// §2: the homeserver did not take it.
    NotAccepted,
    /// §3: none of the sender's devices asked for it in time.
    NotAsked,
}

use Reason::{
    BeforeJoin, DeviceNotNamed, FromTheFuture, Ignored, Incognito, JoinRuleUnknown, JoinTimeUnknown, Left, NoNative,
    Nobody, NotAMessage, NotAccepted, NotAsked, NotEncrypted, NotVerified, Off, Own, Public, Redacted, RouteOff,
    SenderLeft, Stranger, TooMany, TooManyMembers, TooOld, Undecryptable,
};

/// Everything about a reason; its code is written to disk and never changes its meaning.
struct ReasonRow {
    rule: &'static str,
    code: &'static str,
    lasting: bool,
    sentence: &'static str,
}

impl Reason {
    /// All of them, in the order of the rules.
    pub const ALL: [Self; 26] = [
        Undecryptable,
        BeforeJoin,
        JoinTimeUnknown,
        Own,
        Redacted,
        NotAMessage,
        Off,
        RouteOff,
        NotEncrypted,
        Public,
        JoinRuleUnknown,
        TooManyMembers,
        Stranger,
        NotVerified,
        Nobody,
        Left,
        SenderLeft,
        Ignored,
        TooOld,
        FromTheFuture,
        TooMany,
        Incognito,
        DeviceNotNamed,
        NoNative,
        NotAccepted,
        NotAsked,
    ];

    #[rustfmt::skip]
    const fn row(self) -> ReasonRow {
        let (rule, code, lasting, sentence) = match self {
            Undecryptable => ("P1", "undecryptable", false, "The message cannot be decrypted on this device."),
            BeforeJoin => ("P2", "before-join", false, "The message is older than your joining the room or your login on this device."),
            JoinTimeUnknown => ("P2", "join-time-unknown", false, "It is not known yet since when you have been in the room."),
            Own => ("P3", "own", false, "You sent the message yourself."),
            Redacted => ("P3", "redacted", false, "The message was removed."),
            NotAMessage => ("P4", "not-a-message", false, "Only messages are acknowledged; this is not one."),
            Off => ("P5", "off", true, "Receipts are switched off for this room."),
            RouteOff => ("P5", "route-off", true, "Receipts are switched off altogether (route = \"off\")."),
            NotEncrypted => ("P5", "not-encrypted", true, "The room is not encrypted."),
            Public => ("P5", "public", true, "The room is public."),
            JoinRuleUnknown => ("P5", "join-rule-unknown", true, "It is not known whether the room is public."),
            TooManyMembers => ("P6", "too-many-members", true, "The room has too many members."),
            Stranger => ("P7", "stranger", true, "You had not been in contact with the sender."),
            NotVerified => ("P7", "not-verified", true, "The sender is not verified."),
            Nobody => ("P7", "nobody", true, "Your settings send this person no receipts."),
            Left => ("P8", "left", true, "You are not in the room."),
            SenderLeft => ("P8", "sender-left", true, "The sender is not in the room."),
            Ignored => ("P8", "ignored", true, "You ignore the sender."),
            TooOld => ("P9", "too-old", false, "The message is more than seven days old."),
            FromTheFuture => ("P9", "from-the-future", true, "The message is dated more than five minutes in the future."),
            TooMany => ("P10", "too-many", true, "The sender sent more messages than are acknowledged: 60 at once, then one a second."),
            Incognito => ("P12", "incognito", true, "No receipts are sent while you are incognito."),
            DeviceNotNamed => ("P13", "device-not-named", true, "It could only be sent in a way that names your device, and your settings do not name it to the sender."),
            NoNative => ("§2", "no-native", true, "It could not be sent through the homeserver, and your settings allow no other way (route = \"native\")."),
            NotAccepted => ("§2", "not-accepted", true, "The homeserver did not take the receipt."),
            NotAsked => ("§3", "not-asked", true, "None of the sender's devices asked for a receipt."),
        };
        ReasonRow { rule, code, lasting, sentence }
    }

    /// The rule of PROTOCOL that says so, such as "P5".
    pub fn rule(self) -> &'static str {
        self.row().rule
    }

    /// The reason in one plain sentence, to be shown to the user.
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// True when the refusal must be remembered on disk, because it holds for ever although the
    /// circumstances may change: whoever is unignored later gets nothing for what they sent before.
    /// False where asking again gives the same answer, or where a fact was missing and the decision
    /// is still to be made.
    pub fn is_lasting(self) -> bool {
        self.row().lasting
    }

    /// True when nothing is against the receipt but that there is no route for it, or no turn.
    pub fn is_of_the_route(self) -> bool {
        matches!(self, TooMany | DeviceNotNamed | NoNative | NotAccepted | NotAsked)
    }

    /// True when the sender may have waited for the receipt: silence about it is said to mean
    /// nothing (§3). Nobody waits for receipts for scrollback, for what they removed, and for what
    /// is no message.
    pub fn is_silence(self) -> bool {
        !matches!(self, Undecryptable | BeforeJoin | JoinTimeUnknown | Own | Redacted | NotAMessage)
    }

    /// True when it belongs into the log of receipts: somebody sent what one could have been
    /// expected for. Nobody did with scrollback and with own messages.
    pub fn is_logged(self) -> bool {
        !matches!(self, Undecryptable | BeforeJoin | JoinTimeUnknown | Own)
    }

    /// Its name on disk.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The reason of this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The status of a message whose receipt is withheld for this reason.
    pub fn status(self) -> ReceiptStatus {
        ReceiptStatus::Withheld { rule: self.rule(), why: self.sentence() }
    }
}
