//! What came of a history, in numbers.

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of one history.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Tally {
            /// Adds another history's counts.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

tally! {
    /// Events of any kind.
    events,
    /// Calls and programs.
    calls,
    /// Calls that ended with a token.
    tokens,
    /// Calls that ended with an error.
    errors,
    /// Tokens that took no request.
    hits,
    /// Requests.
    requests,
    /// Saves that were stored.
    saves,
    /// Saves that met another.
    conflicts,
    /// Faults of the store.
    store_faults,
    /// Spent refresh tokens that the authority saw again.
    reused,
    /// Processes that died.
    crashes,
    /// Power cuts.
    power_cuts,
    /// Calls that were cancelled.
    cancelled,
    /// Sign-ins that were begun, by any means.
    met,
    /// … in a browser.
    browser,
    /// … with a device code.
    device,
    /// … with a code that was brought.
    in_hand,
    /// Sign-ins that ended with a token and a record.
    arrived,
    /// People who said no.
    declined,
    /// People who went away.
    walked_away,
    /// Browsers that came when nobody listened any more.
    too_late,
    /// Answers to another's question that came to a listener.
    strangers,
    /// Polls that were told to wait.
    pending,
    /// Polls that were too many.
    slow_downs,
    /// Polls without an answer.
    polls_lost,
    /// Polls that were told that the code is over.
    expired,
    /// Sign-outs that ended well, a document each.
    signed_out,
    /// Renewals that were refused for want of claims.
    refused_claims,
    /// Renewals that found their account signed out.
    orphaned,
    /// Times that a person's refresh tokens were taken back.
    revoked,
    /// Times that claims were demanded of a person.
    conditioned,
    /// Refresh tokens of a family that another of it redeemed.
    shared,
    /// Refresh tokens of a family that one outside of it tried.
    mismatched,
    /// Sign-ins with a code in hand that ended with an error.
    code_refused,
    /// Sign-ins that were granted after the caller had gone.
    arrived_cancelled,
    /// Calls for whoever signed in last.
    recorded,
    /// Sign-ins to a tenant that is not the home of the person.
    guests,
    /// Calls that had to succeed since faults were over, and did.
    recovered,
}
