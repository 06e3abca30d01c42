//! Cards in a run: what each node takes, cards that are lost, nodes that can get none any more.
//!
//! Does not know how cards are shared.

use serde_json::Value as Json;

use crate::{
    Cards, EngineError, Event, Failure, Freshness, Plan, Reason, Verdict,
    attempts::Attempted,
    ending::Lost,
    gpus::Wish,
    running::{Did, Running, State},
    wish::wish,
};

/// What is said of `gpu_memory` where the memory of cards is not known: once, of the first stage that asks for it.
pub(crate) fn unlimited(plan: &Plan, freshness: &Freshness, cards: &Cards) -> Option<Event> {
    let unknown = cards.usable.iter().find(|card| card.memory.is_none())?;
    let asks = |(node, verdict): &(&crate::PlanNode, &Verdict)| {
        node.resources.gpu_memory.is_some() && !matches!(verdict, Verdict::Hit(_))
    };
    let (node, _) = plan.nodes.iter().zip(&freshness.verdicts).find(asks)?;
    let text = format!("nobody tells how much memory {unknown} has, so `gpu_memory` limits nothing there");
    Some(Event::Warning { stage: node.id.clone(), text })
}

/// `card 1`, `cards 0, 2`.
fn named(cards: &[impl AsRef<str>]) -> String {
    let ids: Vec<_> = cards.iter().map(AsRef::as_ref).collect();
    format!("card{} {}", if ids.len() == 1 { "" } else { "s" }, ids.join(", "))
}

impl Running<'_, '_> {
    /// What a node takes of cards.
    pub(crate) fn wish(&self, node: usize) -> Result<Wish, EngineError> {
        wish(&self.plan.nodes[node], self.options.cards, &self.options.backends)
    }

    /// Whether a node could get its cards if nobody else had any.
    pub(crate) fn could_get(&self, wish: &Wish) -> bool {
        match wish {
            Wish::Whatever | Wish::Nothing => true,
            Wish::Cards(wanted) => self.capacity.gpus.could_give(wanted),
        }
    }

    /// Ends an attempt whose cards are lost, gives those to nobody any more, and tries again on others.
    ///
    /// A card is lost once, so no stage is tried again more often than there are cards; its `retries` are for other failures.
    pub(crate) fn card_lost(
        &mut self,
        node: usize,
        attempted: &Attempted<'_>,
        lost: Lost,
        facts: &Json,
    ) -> Result<(), EngineError> {
        let cards = &attempted.cards;
        let left = self.capacity.gpus.lose(cards);
        let is_tried_again = self.could_get(&self.wish(node)?) && !self.stopping;
        let outcome = format!("{} lost", named(cards));
        let mut chain = lost.chain;
        let because = if is_tried_again || self.stopping { "" } else { ", and no other is left to this run" };
        let first = if chain.is_empty() { String::new() } else { chain.remove(0) };
        chain.insert(0, format!("{outcome}{because}: {first}"));
        let failure = self.end_failed(attempted, Lost { outcome: outcome.clone(), chain, ..lost }, facts)?;
        let stage = self.plan.nodes[node].id.clone();
        (self.observe)(&Event::CardLost {
            stage: stage.clone(),
            attempt: attempted.attempt.number,
            cards: cards.clone(),
            left,
            failure: failure.clone(),
        });
        if is_tried_again {
            let why = vec![Reason::Retry { after: outcome }];
            self.nodes[node].state = State::Ready { recipe: Box::new(attempted.recipe.clone()), why };
            self.queue(node);
        } else {
            self.given_up(node, failure);
        }
        Ok(())
    }

    /// Gives up a node that waits for cards which were lost.
    pub(crate) fn no_card_left(&mut self, node: usize) {
        let lost = named(&self.capacity.gpus.lost());
        let chain = vec![format!("it needs a card, and too few are left to this run: {lost} lost")];
        self.ready.retain(|(_, ready)| *ready != node);
        self.given_up(node, Failure { chain, last_lines: Vec::new(), log: None });
    }

    /// Says that a node has failed for good.
    pub(crate) fn given_up(&mut self, node: usize, failure: Failure) {
        let stage = self.plan.nodes[node].id.clone();
        let why = failure.chain.join(": ");
        (self.observe)(&Event::Failed { stage, failure });
        self.lose(node, Did::Failed, &why);
        self.stop_where_asked(Some(node));
    }
}
