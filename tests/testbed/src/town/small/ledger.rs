//! Rig `ledger`: bills the shipping lines.

use super::{Bead, Calendar};

pub(super) fn beads(when: Calendar) -> Vec<Bead> {
    [e_invoices(when), payments(when), upkeep(when)].concat()
}

fn e_invoices(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("epic", "lg-q5e", "Electronic invoices for all EU customers", when.ago(33, 12))
            .priority(1)
            .says("Some customers refuse PDF from January on. EN 16931, UBL syntax, one profile; no national extensions yet."),
        Bead::new("task", "lg-q5e.1", "Write invoice lines as UBL", when.ago(31, 140))
            .priority(1)
            .under("lg-q5e")
            .says("Quantity, unit code, price, VAT category. Rounding per line, as the standard wants it.")
            .closed(when.ago(17, 300), "Passes the validator for all 212 invoices of March"),
        Bead::new("task", "lg-q5e.2", "Validate an invoice before it is sent", when.ago(31, 133))
            .priority(1)
            .under("lg-q5e")
            .blocked_by("lg-q5e.1")
            .says("Run the official rules offline. A violation stops the invoice and opens a task with the rule's number and text.")
            .commented("ledger/crew/otto", when.ago(10, 77), "The rule set is 4 MB; load it once per process, not per invoice."),
        Bead::new("task", "lg-q5e.3", "Deliver over the customer's access point", when.ago(31, 128))
            .under("lg-q5e")
            .blocked_by("lg-q5e.2")
            .says("Retry with the same message id; a second delivery with a new id is a second invoice."),
        Bead::new("task", "lg-q5e.4", "Archive the XML for ten years", when.ago(31, 120))
            .priority(3)
            .under("lg-q5e")
            .blocked_by("lg-q5e.2")
            .labelled(&["storage"])
            .says("Write once, with a hash. The PDF alone is no longer the original."),
    ]
}

fn payments(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("bug", "lg-0fu", "A bank file with two bookings of the same amount matches only one", when.ago(5, 501))
            .priority(0)
            .labelled(&["customer"])
            .by("ledger/witness")
            .says("The match key is (date, amount, debtor). Two equal bookings on one day collapse into one, and the customer gets \
                   a reminder for an invoice that is paid.\n\nExpected: the key includes the booking reference."),
        Bead::new("bug", "lg-x92", "Reminder goes out on the due date itself", when.ago(11, 64))
            .priority(1)
            .says("Off by one: `due <= today`. The terms say the day after."),
        Bead::new("feature", "lg-7jb", "Split one payment over several invoices", when.ago(12, 480))
            .blocked_by("lg-0fu")
            .says("Oldest first unless the reference names one. The rest stays as credit."),
        Bead::new("feature", "lg-m3s", "Refund a credit to the account it came from", when.ago(12, 470))
            .priority(3)
            .blocked_by("lg-7jb")
            .says("Needs a second pair of eyes above 5,000."),
        Bead::new("task", "lg-cc8", "Decide who may release refunds", when.ago(12, 465))
            .priority(1)
            .labelled(&["human"])
            .says("A question for the terminal's finance lead, not for an agent."),
    ]
}

fn upkeep(when: Calendar) -> Vec<Bead> {
    vec![
        Bead::new("chore", "lg-1wd", "Replace floating point in the fee table", when.ago(26, 33))
            .priority(1)
            .says("0.1 + 0.2 on an invoice. Use integer cents, keep the three-digit rates as thousandths.")
            .held("hooked", "ledger/polecats/slit"),
        Bead::new("chore", "lg-u6p", "Name the exchange rate source on every foreign invoice", when.ago(7, 720))
            .priority(3)
            .says("Auditors ask each year."),
        Bead::new("task", "lg-9ty", "Import the 2027 tariff", when.ago(3, 15))
            .not_before(when.ahead(34))
            .says("Published by the port authority in the last week of the year."),
        Bead::new("task", "lg-e5a", "Handoff notes of the invoicing crew", when.ago(60, 0))
            .priority(4)
            .pinned()
            .says("Standing notes. Not work."),
    ]
}
