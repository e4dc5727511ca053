//! A page of a room's events, as all endpoints that go through them are asked for it.

use ruma::{UInt, api::Direction};

use crate::server::homeserver::{error::Answer, sync::news, world::room::Token};

/// So many events come when nobody says how many.
const USUAL: usize = 10;

/// Which events are asked for.
pub struct PageRequest {
    direction: Direction,
    from: Option<Token>,
    to: Option<Token>,
    limit: usize,
}

/// How many events a request gets.
pub fn limit(asked: Option<UInt>) -> usize {
    news::limit(asked, USUAL)
}

impl PageRequest {
    /// The page that a request asks for; 400 when it gives no tokens of ours.
    pub fn asked(direction: Direction, from: Option<&str>, to: Option<&str>, limit: Option<UInt>) -> Answer<Self> {
        Ok(Self { direction, from: Token::given(from)?, to: Token::given(to)?, limit: self::limit(limit) })
    }

    /// What is before a place, newest first.
    pub fn back_from(from: Token, limit: usize) -> Self {
        Self { direction: Direction::Backward, from: Some(from), to: None, limit }
    }

    /// What is after a place, oldest first.
    pub fn on_from(from: Token, limit: usize) -> Self {
        Self { direction: Direction::Forward, from: Some(from), to: None, limit }
    }

    /// Where the page begins, in a room with so many events.
    pub fn start(&self, events: usize) -> Token {
        self.from.unwrap_or(Token(if self.direction == Direction::Forward { 0 } else { events }))
    }

    /// Cuts the page out of ascending `places`; says where the next page begins when there is one.
    pub fn cut(
        &self,
        places: impl DoubleEndedIterator<Item = usize>,
        wanted: impl Fn(usize) -> bool,
    ) -> (Vec<usize>, Option<Token>) {
        let forward = self.direction == Direction::Forward;
        let (low, high) = if forward { (self.from, self.to) } else { (self.to, self.from) };
        let within = low.map_or(0, |low| low.0)..high.map_or(usize::MAX, |high| high.0);
        let places = places.filter(|place| within.contains(place) && wanted(*place));
        let count = self.limit + 1;
        let mut page: Vec<_> = if forward { places.take(count).collect() } else { places.rev().take(count).collect() };
        let next = if page.len() == count { page.pop() } else { None };
        (page, next.map(|next| Token(if forward { next } else { next + 1 })))
    }
}
