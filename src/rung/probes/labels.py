"""Messages to be put under one of the labels that are listed: what assistants are asked, and customers' troubles."""

from random import Random

from rung.probes.base import Made, Template

# What an assistant in a house is asked: the labels have next to nothing in common.
_HOUSE = {
    "weather": (
        "will it rain in {town} tomorrow",
        "do I need an umbrella today",
        "how cold is it going to get tonight",
    ),
    "play_music": ("put on some jazz", "play the new album by {name}", "I want to hear something slow"),
    "set_alarm": (
        "wake me at {hour} tomorrow",
        "get me up at half past {hour}",
        "set an alarm for {hour} in the morning",
    ),
    "translate": (
        "how do you say good night in Spanish",
        "what is the French word for bread",
        "say thank you in Polish",
    ),
    "book_table": (
        "a table for {few} at {hour} please",
        "reserve us a place for dinner in {town}",
        "book dinner for {few}",
    ),
    "call_person": ("ring {name}", "call {name} on her mobile", "get {name} on the phone for me"),
    "shopping_list": (
        "add milk and eggs to my list",
        "we are out of bread, put it on the list",
        "what do I need to buy",
    ),
    "lights": ("it is too dark in here", "turn the lamp in the kitchen off", "dim the lights a little"),
}
# What a shop's customers want: one trade, but each label has its own words.
_SHOP = {
    "track_order": (
        "where is my parcel, I ordered it {few} days ago",
        "has order {number} been sent yet",
        "when will it arrive",
    ),
    "cancel_order": (
        "please stop order {number}, I do not need it",
        "I ordered by mistake, can you undo it",
        "cancel it please",
    ),
    "return_goods": (
        "the shoes are too small, how do I send them back",
        "I want to give the jacket back",
        "can I return a gift",
    ),
    "refund": (
        "when do I get my money back",
        "you still owe me {number} cents for what I returned",
        "is my refund on its way",
    ),
    "change_address": (
        "I have moved to {town}",
        "please send everything to my new flat from now on",
        "my street is wrong in your files",
    ),
    "payment_methods": (
        "can I pay by bank transfer",
        "do you take credit cards",
        "is it possible to pay in {few} parts",
    ),
    "damaged_goods": (
        "the cup arrived in pieces",
        "there is a crack in the screen",
        "the box was open and something is broken",
    ),
    "opening_hours": (
        "are you open on Sundays",
        "until when can I come to the shop in {town}",
        "do you close at {hour}",
    ),
    "invoice": (
        "I need a bill for order {number}",
        "could you mail me the receipt for my taxes",
        "send the invoice again please",
    ),
    "delete_account": (
        "remove me and my data from your site",
        "I do not want to be a customer any more",
        "close my account",
    ),
}
# What a bank's customers write of cards and transfers: the labels lie close to each other.
_BANK = {
    "card_not_arrived": (
        "You said my new card was in the post {few} weeks ago, and it is not here yet.",
        "How long does a card take to arrive? I ordered mine when I opened the account.",
        "I am still waiting for the card that you sent.",
    ),
    "card_lost": (
        "I think I left my card on the bus in {town}.",
        "My bag was stolen, and my card was in it. What now?",
        "I cannot find my card anywhere, please block it.",
    ),
    "card_declined": (
        "My card was refused in a shop {few} times, although there is enough in the account.",
        "I could not pay for dinner because the machine declined my card.",
        "No shop here in {town} accepts my card any more.",
    ),
    "card_kept_by_machine": (
        "I wanted {number} in cash, and the machine swallowed my card.",
        "The cash machine in {town} did not give me my card back.",
        "My card is stuck in a cash machine.",
    ),
    "pin_blocked": (
        "I typed the wrong PIN {few} times, and now it is blocked.",
        "How do I unlock my PIN after too many tries?",
        "I mixed up my PIN with another one, and it was blocked.",
    ),
    "change_pin": (
        "I would like a PIN that I can remember better.",
        "Somebody watched me type my PIN. Can I choose another?",
        "How do I set a new PIN for my card?",
    ),
    "transfer_pending": (
        "I sent {number} to {name} on Monday, and it has not arrived.",
        "My transfer has been on its way for {few} days. Is that usual?",
        "I paid my rent and the transfer still says in progress.",
    ),
    "transfer_to_wrong_person": (
        "I typed a wrong account number and my money went to a stranger.",
        "The transfer was meant for {name}, but I picked somebody else by mistake.",
        "I sent {number} to the wrong account. Can I get it back?",
    ),
    "transfer_refused": (
        "I try to send {number} to {name} and the transfer fails each time.",
        "Why was my transfer rejected?",
        "The transfer to my landlord was returned to me, and nobody tells me why.",
    ),
    "unknown_charge": (
        "There is a payment of {number} to a shop that I do not know.",
        "I did not make this payment, I was not even in {town} that day.",
        "What is this charge on my statement? I never bought anything there.",
    ),
    "charged_twice": (
        "I bought one ticket, and I was charged for it two times.",
        "The same payment of {number} is on my statement twice.",
        "The shop took the money again for the same thing.",
    ),
    "exchange_rate": (
        "I paid in {town} in their money. Which rate did you use?",
        "How many dollars do I get for {number} euros?",
        "Your rate for the dollar is not the one in the papers.",
    ),
}
_KINDS = (_HOUSE, _SHOP, _BANK)
_LISTED = (4, 6, 9)
_FILL = {
    "name": ("Maria", "Tom", "my sister", "Dr. Lang"),
    "town": ("Lisbon", "Vienna", "Leeds", "Ghent"),
    "hour": ("six", "seven", "eight"),
    "few": ("two", "three", "four"),
    "number": ("120", "250", "400", "675"),
}  # fmt: skip


def _intent(level: int, rng: Random) -> Made:
    kind = _KINDS[level]
    labels = rng.sample(sorted(kind), _LISTED[level])
    answer = rng.choice(labels)
    message = rng.choice(kind[answer]).format(**{slot: rng.choice(of) for slot, of in _FILL.items()})
    listed, lines = ", ".join(labels), "\n".join(f"- {label}" for label in labels)
    question = rng.choice((
        f"Which of these intents fits the message? {listed}\n\nMessage: {message}",
        f"Message: {message}\n\nLabels:\n{lines}\n\nWhich label fits best?",
        f'Into which of these does it fit: {listed}?\n\n"{message}"',
        f"Somebody writes: {message}\n\nAnswer with one of these categories: {listed}. Say nothing else.",
        f'Classify the message under one of these categories: {listed}. Answer with the category only.\n\n"{message}"',
    ))  # fmt: skip
    return Made(question, answer, "exact", tuple(labels))


LABELS = (Template(name="intent", domain="reading", halfway=(-2.0, -1.9, -0.9), make=_intent, floor=0.15),)
