# SPDX-License-Identifier: AGPL-3.0-or-later
"""The English texts: what a rule says, and what follows from it."""

HEADINGS: dict[str, str] = {
    "kind": "What this is",
    "who": "Who may take part",
    "when": "When",
    "proposals": "What can be proposed",
    "ballot": "How a ballot is filled in",
    "winners": "How the winners follow",
    "keys": "Who holds the keys",
    "afterwards": "Once it is published",
}

CLAUSES: dict[str, tuple[str, str]] = {
    "kind.participatory-budget": (
        "A participatory budget: people propose what public money should be spent on, and vote on it.",
        "The winners share the budget that the rules name. The contracts count the votes; that the money is then spent "
        "is the entity's promise, on which it reports.",
    ),
    "kind.consultation": (
        "A consultation: people say what they think of the options.",
        "The result is published and proven, but binds nobody unless the entity declares elsewhere that it does.",
    ),
    "kind.contest": (
        "A contest: entries are handed in, a jury may choose among them by accepting or rejecting with a reason, and "
        "the public votes on those accepted.",
        "The jury's decisions are acts of the publisher on the chain, each with its reason: everybody sees them, and "
        "nobody but the publisher can take part in them.",
    ),
    "kind.internal-vote": (
        "An internal vote of an organisation's own people.",
        "Who is outside the organisation cannot register, but can verify the whole count.",
    ),
    "kind.school-vote": (
        "A school's vote.",
        "Pupils take part with an electronic identity of their own or not at all; check that they have one.",
    ),
    "age.between": (
        "Who is at least {least} and at most {most} years old on {on}.",
        "Younger and older people are refused at registration. Only the date of birth that the identity's issuer "
        "vouches for counts.",
    ),
    "age.from": (
        "Who is at least {least} years old on {on}.",
        "Younger people are refused at registration. Only the date of birth that the identity's issuer vouches for "
        "counts.",
    ),
    "age.to": (
        "Who is at most {most} years old on {on}.",
        "Older people are refused at registration. Only the date of birth that the identity's issuer vouches for "
        "counts.",
    ),
    "scope.residence": (
        "Who lives in {codes}.",
        "Who has moved and not told the authorities is refused, or counts where the register still has them.",
    ),
    "scope.employer": (
        "Who works for {codes}.",
        "It is the employer that the issuer knows; people whose employment it does not know are refused.",
    ),
    "scope.profession": (
        "Whose profession or role is {codes}.",
        "People whose profession or role the issuer does not know are refused.",
    ),
    "scope.nationality": (
        "Whose nationality is {codes}.",
        "Residents of other nationalities are refused.",
    ),
    "assurance.low": (
        "With an electronic identity of any level of assurance.",
        "Identities that were never checked in person are enough; somebody with several of them could take part more "
        "than once.",
    ),
    "assurance.substantial": (
        "With an electronic identity of substantial or high level of assurance.",
        "Identities of a low level are refused.",
    ),
    "assurance.high": (
        "With an electronic identity of high level of assurance.",
        "Only identities such as a card with a chip are enough; people who have a weaker one are refused.",
    ),
    "issuer": (
        "The identity is vouched for by {issuers}.",
        "Whoever controls this issuer could invent persons; it is trusted, and the evidence kept lets an auditor "
        "check.",
    ),
    "issuers": (
        "The identity is vouched for by {issuers}.",
        "Whoever controls any one of these issuers could invent persons. A person with accounts at several issuers "
        "that do not share their numbers for people could register more than once.",
    ),
    "default-deny": (
        "All these conditions must be met together; whatever is not allowed here is refused.",
        "A fact that the issuer does not state counts as not met.",
    ),
    "registration": (
        "People register, and hand in proposals, from {opens} to {closes} ({length}).",
        "Who has not registered by then cannot vote; nobody can be added later.",
    ),
    "review": (
        "Between {opens} and {closes} ({length}) the proposals are reviewed, and lost devices replaced.",
        "Options and costs are final when voting opens. A proposal that was not accepted by then is not voted on. If "
        "none was accepted, the initiative is void.",
    ),
    "voting": (
        "Votes are cast from {opens} to {closes} ({length}).",
        "A ballot that reaches the chain at the closing second or later does not count.",
    ),
    "challenge": (
        "After the close {length} pass before anything is opened; the count begins on {opening}.",
        "In this time the consortium can reopen voting by a motion, once, if the chain stood still across the close. "
        "Nobody knows a partial result before it is over.",
    ),
    "extension.none": (
        "Voting cannot be extended.",
        "Whatever happens, the publisher cannot move the close; the consortium alone can reopen it, by a motion.",
    ),
    "extension.some": (
        "Voting can be extended once, by at most {length}, to {latest} at the latest.",
        "The publisher must propose it and a second entity, a registrar or trustee, must agree, both at least 24 hours "
        "before the close. Every report shows it.",
    ),
    "proposals.one": (
        "One person may hand in {limit} proposal.",
        "A second one of the same person is refused. Authors are not told apart by name: the chain shows a tag that "
        "is not linked to their vote.",
    ),
    "proposals.many": (
        "One person may hand in up to {limit} proposals.",
        "Further ones of the same person are refused. All proposals of one person carry the same tag, so it is seen "
        "that they belong together, but not whose they are.",
    ),
    "moderation": (
        "The publisher accepts or rejects each proposal, rejections with a reason, on the chain.",
        "An acceptance is final and gives the option its number, in the order of acceptance. A rejection can be "
        "appealed against, and be followed by an acceptance, until voting opens.",
    ),
    "costs": (
        "The publisher gives each accepted proposal a cost, and may correct it with a reason until voting opens.",
        "Costs decide who wins under this rule. Whoever sets them should be able to show how they were reckoned.",
    ),
    "ballot.single-choice": (
        "A ballot names one option.",
        "A ballot that names several is null.",
    ),
    "ballot.approval": (
        "A ballot names the options that the voter approves of; each of them gets one vote.",
        "An approval cannot be stronger for one option than for another.",
    ),
    "ballot.cumulative": (
        "A ballot gives points to options.",
        "A voter can show how strong a wish is, by giving most points to few options.",
    ),
    "ballot.ordered": (
        "A ballot ranks options, the best first; each place is worth points.",
        "The order matters. A long ranking can be so unusual that it works as a signature by which a voter could prove "
        "a vote to somebody else: keep it short.",
    ),
    "ballot.knapsack": (
        "A ballot names options that can be paid for together.",
        "Voters see what their wishes cost. A ballot over its limit is null.",
    ),
    "ballot.yes-no-abstain": (
        "A ballot answers yes, no, or not at all to each option.",
        "Not answering is an abstention and counts for neither side.",
    ),
    "length.exactly": (
        "It must name exactly {most}.",
        "A ballot that names fewer or more is null; the voter's page does not let it be sent.",
    ),
    "length.between": (
        "It may name at least {least} and at most {most}.",
        "A ballot that names fewer or more is null; the voter's page does not let it be sent.",
    ),
    "points": (
        "Each option named gets {each_least} to {each_most} points, all together {sum_least} to {sum_most}.",
        "A ballot outside these bounds is null.",
    ),
    "ranks": (
        "The places are worth, from the first on: {points} points.",
        "Only these points are added up; the order has no other effect.",
    ),
    "purse": (
        "The options named may cost {cost} minor units (such as cents) together at most.",
        "The limit is on each ballot; what is spent in the end follows from the rule below.",
    ),
    "blank": (
        "A blank ballot is possible and counted as such.",
        "It makes turnout, and the quorum where there is one, but supports nobody.",
    ),
    "revote": (
        "A voter may vote again until the close; the last ballot counts.",
        "All versions become readable at the opening, grouped but without a name. Voting again helps against pressure "
        "only as long as the other never learns which group is the voter's.",
    ),
    "allocation.greedy": (
        "The options are taken from the highest score down; each whose cost fits into what is left of the "
        "{budget} minor units is funded, one that does not fit is passed over.",
        "A cheap option can win although a dearer one with more votes did not fit. Groups of voters who agree can "
        "decide about the whole budget.",
    ),
    "allocation.greedy-no-skip": (
        "The options are taken from the highest score down, and funded as long as they fit into what is left of the "
        "{budget} minor units; the first that does not fit ends the list.",
        "No option wins past one with more votes, but money may be left over.",
    ),
    "allocation.greedy-threshold": (
        "The options that reach the least score are taken from the highest score down; each whose cost fits into what "
        "is left of the {budget} minor units is funded, one that does not fit is passed over.",
        "Options below the least score never win, even if money is left.",
    ),
    "allocation.equal-shares": (
        "Each voter is given an equal share of the {budget} minor units. An option is bought when those who chose it "
        "can pay for it together out of their shares; the one that costs its supporters least per point goes first.",
        "Each group of voters decides over its part of the money. Usually some money is left over, because shares that "
        "no option could use are not spent.",
    ),
    "allocation.equal-shares-add1": (
        "As with equal shares: each voter gets an equal share of the {budget} minor units, and an option is bought "
        "when its supporters can pay for it. The shares are then raised by one minor unit per voter, again and again, "
        "until the next step would spend more than the budget.",
        "Each group decides over its part, and little money is left over. The arithmetic is exact, but cannot be "
        "followed by hand in a large vote; anybody can recompute it.",
    ),
    "allocation.top-k": (
        "The {winners} options with the highest scores win, whatever they cost.",
        "An option that nobody chose never wins, so that there may be fewer winners. A majority that agrees can take "
        "all places.",
    ),
    "allocation.majority.simple": (
        "An option wins when it has more yes than no.",
        "Each option is decided on its own; several or none may win. Contradicting options can both win.",
    ),
    "allocation.majority.absolute": (
        "An option wins when more than half of the valid ballots name it.",
        "With many options it can happen that none wins. There is no second round by itself.",
    ),
    "threshold": (
        "An option needs a score of at least {threshold}.",
        "Below it an option does not win, even if money or places are left.",
    ),
    "quorum.none": (
        "There is no quorum.",
        "The result stands however few take part, from the minimum of ballots below on.",
    ),
    "quorum.some": (
        "At least {quorum} valid and blank ballots are needed.",
        "With fewer, nothing wins. Null ballots do not count for it.",
    ),
    "tie.option-number": (
        "Of options that are equal, the one with the lower number goes first.",
        "Numbers follow the order in which the proposals were accepted: who accepts decides ties, unknowingly if the "
        "order is fixed beforehand.",
    ),
    "tie.lower-cost": (
        "Of options that are equal, the cheaper goes first; then the one with the lower number.",
        "Ties favour cheap options. Costs are fixed when voting opens.",
    ),
    "tie.higher-cost": (
        "Of options that are equal, the dearer goes first; then the one with the lower number.",
        "Ties favour dear options. Costs are fixed when voting opens.",
    ),
    "registrars": (
        "The entities {entities} check who registers; {k} of these {n} must sign for each person.",
        "{k} of them acting together could register people who do not exist, or who may not vote, and only an audit of "
        "the evidence would show it; {blocking} together could stop registration. No smaller number can do either.",
    ),
    "trustees": (
        "The entities {entities} keep the key; {t} of these {n} must act together to open the ballots.",
        "{t} of them acting together could read ballots before the close, but not tell whose they are; {blocking} "
        "together could refuse, and then there is no result. No smaller number can do either.",
    ),
    "anonymity": (
        "At least {minimum} people must register, and at least {minimum} must vote.",
        "With fewer registered there is no vote; with fewer ballots nothing is ever opened: the initiative is void, so "
        "that nobody is found out in a small group.",
    ),
    "no-receipt-freeness": (
        "The vote is secret from everybody who does not hold the voter's device or recovery phrase.",
        "Whoever is shown the recovery phrase can see every vote of the past. Nothing here prevents somebody from "
        "voting under another's eyes.",
    ),
    "frozen": (
        "None of this can be changed after publication.",
        "Not by the entity, not by the consortium, not by us. Before registration opens the publisher may withdraw the "
        "whole initiative; afterwards only a motion of the consortium can void it, with a reason that everybody sees.",
    ),
}
