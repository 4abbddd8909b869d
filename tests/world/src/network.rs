//! The network: late, lossy, repeating, with gateways that answer for those behind them.

use azlatch_core::effect::{Failure, FailureKind, Http, Response, Sent};
use azlatch_emulator::{Answer, Fault, Request};

use crate::authority::fields;
use crate::call::{Job, Standing};
use crate::flows::Means;
use crate::wants::HOSTS;
use crate::world::{Event, World};

/// A request on its way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) call: usize,
    pub(crate) tick: u32,
    pub(crate) cloud: usize,
    pub(crate) request: Request,
    /// The refresh token that it spends.
    pub(crate) spends: Option<String>,
    pub(crate) fate: Fate,
}

/// What an answer gave away: a refresh token that was rotated, and by which; one of a sign-in.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    pub(crate) rotated: Option<(String, String)>,
    pub(crate) granted: Option<String>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// Processed, but the answer goes nowhere.
    AnswerLost,
    /// The second of two of the same; its answer goes nowhere either.
    Copy,
    /// Processed, but a gateway answers 502.
    BadGateway,
    /// A gateway is busy, or the authority: not processed.
    Throttled {
        status: u16,
        after: Option<u64>,
    },
    /// A 200 that breaks off.
    Garbage,
}

impl World {
    /// A call's request leaves.
    pub(crate) fn send(&mut self, call: usize, http: &Http) {
        self.tally.requests += 1;
        let timeout = u64::try_from(http.timeout.as_millis()).unwrap_or(u64::MAX);
        let tick = self.calls[call].tick;
        let slow = !self.calm && self.random.chance(self.plan.slow);
        let there = 1 + self.random.below(if slow { 15_000 } else { 80 });
        let silence = Failure { sent: Sent::Maybe, kind: FailureKind::Timeout, detail: String::new() };
        self.later(timeout, call, tick, Err(silence));
        let rest = http.url.strip_prefix("https://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(cloud) = HOSTS.iter().position(|known| *known == host) else {
            return self.trace.hold(false, || format!("a request to a stranger: {host}"));
        };
        let mut request = Request::new("POST", &format!("/{path}"));
        request.body = http.body.as_ref().map(|body| body.expose_secret().to_vec()).unwrap_or_default();
        for header in &http.headers {
            request = request.with_header(header.name, header.value.expose_secret());
        }
        let spends = fields(&request.body).into_iter().find(|(name, _)| name == "refresh_token").map(|(_, v)| v);
        let mut packet = Packet { call, tick, cloud, request, spends, fate: Fate::Answered };
        if self.calm {
            return self.schedule(there, Event::Arrive(Box::new(packet)));
        }
        let plan = &self.plan;
        if self.random.chance(plan.refused) {
            let refused = Failure { sent: Sent::No, kind: FailureKind::Connect, detail: String::new() };
            return self.later(there, call, tick, Err(refused));
        }
        if self.random.chance(plan.lost_request) {
            return self.say(|| format!("call {call}: the request is lost"));
        }
        packet.fate = if self.random.chance(plan.lost_answer) {
            Fate::AnswerLost
        } else if self.random.chance(plan.throttle) {
            let status = self.random.pick(&[429, 503, 503, 500]);
            let after = self.random.pick(&[None, Some(1), Some(3), Some(7), Some(20), Some(120)]);
            Fate::Throttled { status, after }
        } else if self.random.chance(plan.gateway) {
            Fate::BadGateway
        } else if self.random.chance(plan.garbage) {
            Fate::Garbage
        } else {
            Fate::Answered
        };
        if self.random.chance(plan.duplicate) {
            let copy = Packet { fate: Fate::Copy, ..packet.clone() };
            let after = there + self.random.below(3000);
            self.schedule(after, Event::Arrive(Box::new(copy)));
        }
        self.schedule(there, Event::Arrive(Box::new(packet)));
    }

    /// A request reaches the authority.
    pub(crate) fn arrive(&mut self, packet: Packet) {
        let Packet { call, tick, cloud, .. } = packet;
        let now = self.true_time();
        let answer = match packet.fate {
            Fate::Throttled { status, after } => {
                let fault = Fault::status(status);
                let fault = match after {
                    Some(seconds) => fault.retry_after(seconds.to_string()),
                    None => fault,
                };
                self.say(|| format!("call {call}: answer {status}, Retry-After {after:?}"));
                let answer = self.authorities.instead(cloud, now, &packet.request, fault);
                return self.answer(call, tick, News::default(), answer);
            }
            Fate::Garbage => {
                let answer = self.authorities.instead(cloud, now, &packet.request, Fault::garbage());
                self.say(|| format!("call {call}: answer 200 that breaks off"));
                return self.answer(call, tick, News::default(), answer);
            }
            _ => {
                let slow = !self.calm && self.random.chance(self.plan.slow_downs);
                self.authorities.answer(cloud, now, &packet.request, call, slow)
            }
        };
        let (status, reused) = (answer.answer.status, answer.reused);
        let fate = packet.fate;
        self.say(|| format!("call {call}: the authority answers {status}, {fate:?}, reused {reused}"));
        if answer.reused {
            self.tally.reused += 1;
            self.judge_reuse(&packet);
        }
        if packet.fate == Fate::Copy
            && let Some(lineage) = packet.spends.as_ref().and_then(|token| self.authorities.lineage.get_mut(token))
        {
            lineage.copied = true;
        }
        let news = News { rotated: packet.spends.clone().zip(answer.rotated.clone()), granted: answer.granted };
        match packet.fate {
            Fate::Answered => self.answer(call, tick, news, answer.answer),
            Fate::BadGateway => {
                let gateway = Response::new(502, Vec::new(), b"<html>".as_slice());
                self.later(5, call, tick, Ok(gateway));
            }
            Fate::AnswerLost if self.random.chance(500) => {
                let broken = Failure { sent: Sent::Maybe, kind: FailureKind::Broken, detail: String::new() };
                self.later(5, call, tick, Err(broken));
            }
            _ => {}
        }
    }

    fn answer(&mut self, call: usize, tick: u32, news: News, answer: Answer) {
        let back = 1 + self.random.below(80);
        let response = Response::new(answer.status, answer.headers, answer.body);
        self.schedule(back, Event::Answer { call, tick, news, result: Box::new(Ok(response)) });
    }

    fn later(&mut self, after: u64, call: usize, tick: u32, result: Result<Response, Failure>) {
        self.schedule(after, Event::Answer { call, tick, news: News::default(), result: Box::new(result) });
    }

    /// A call hears of its request.
    pub(crate) fn answered(&mut self, id: usize, news: News, result: Result<Response, Failure>) {
        let Job::Http(ask) = std::mem::replace(&mut self.calls[id].job, Job::Idle) else { return };
        let now = self.clocks(self.calls[id].process);
        let sent = ask.op.body.as_ref().map(|body| fields(body.expose_secret())).unwrap_or_default();
        let polls = sent.iter().any(|(name, _)| name == "device_code");
        let single = |(name, _): &(String, String)| name == "refresh_token" || (name == "code" && !polls);
        let spent = sent.into_iter().find(single).map(|(_, value)| value);
        self.hear_of_poll(id, polls, &result);
        match &result {
            Ok(response) => {
                let after = response.header("retry-after").and_then(|value| value.parse::<u64>().ok());
                let passing = matches!(response.status, 408 | 429 | 500..);
                let facts = &mut self.calls[id].facts;
                facts.failure = passing.then(|| (self.now, after.map_or(4_000, |seconds| seconds * 1000)));
                if let Some(seconds) = after.filter(|_| passing) {
                    facts.not_before = now.mono.0 + seconds * 1000;
                }
                if matches!(facts.standing, Standing::Held(_)) && response.status == 200 {
                    let key = facts.lock_key;
                    key.and_then(|key| self.leave_alone.remove(&key));
                }
            }
            Err(failure) => {
                let facts = &mut self.calls[id].facts;
                facts.failure = Some((self.now, 4_000));
                if failure.sent == Sent::Maybe {
                    facts.lost.extend(spent);
                }
            }
        }
        if let Some(token) = news.granted {
            self.tally.arrived_cancelled += u64::from(self.calls[id].cancelled);
            self.calls[id].facts.granted = Some(token);
        }
        if let Some((old, new)) = news.rotated {
            if let Some(lineage) = self.authorities.lineage.get_mut(&old) {
                lineage.delivered |= lineage.spent_by == Some(id);
            }
            self.calls[id].facts.rotated = Some((old, new));
        }
        let line = match &result {
            Ok(response) => format!("status {}", response.status),
            Err(failure) => format!("{:?}, sent {:?}", failure.kind, failure.sent),
        };
        self.say(|| format!("call {id}: hears {line}"));
        self.reply(id, ask.answer(result));
    }

    /// A poll was answered, or the question for a device code was: when may the next one be?
    fn hear_of_poll(&mut self, id: usize, polls: bool, result: &Result<Response, Failure>) {
        if self.calls[id].newcomer != Some(Means::Device) {
            return;
        }
        let mono = self.clocks(self.calls[id].process).mono.0;
        let body = result.as_ref().map(|response| response.body.expose_secret());
        let json: serde_json::Value = body.ok().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let facts = &mut self.calls[id].facts;
        if let Some(seconds) = json["interval"].as_u64() {
            facts.interval = seconds * 1000;
        }
        match json["error"].as_str() {
            _ if !polls => {}
            Some("slow_down") => {
                facts.interval += 5_000;
                self.tally.slow_downs += 1;
            }
            Some("authorization_pending") => self.tally.pending += 1,
            Some("expired_token") => self.tally.expired += 1,
            _ => self.tally.polls_lost += u64::from(result.is_err()),
        }
        let facts = &mut self.calls[id].facts;
        facts.poll_after = mono + facts.interval;
    }
}
