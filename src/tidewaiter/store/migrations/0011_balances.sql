-- What stands on an account is kept beside its entries: written by the statement that writes them, whoever does, and so with
-- them or not at all. What the entries come to are the views; `accounts reconcile` holds one against the other.

CREATE VIEW account_summed AS
  SELECT party, scheme, currency, sum(amount) AS balance, count(DISTINCT posting_id) AS postings, max(booked_on) AS last_booked_on
  FROM entry JOIN posting USING (posting_id) WHERE account IN ('receivable', 'memo.at_sale', 'refund')
  GROUP BY party, scheme, currency;
-- A reversal has the day of what it takes back, so that a day on which nothing is charged any more comes to nothing.
CREATE VIEW debt_day_summed AS
  SELECT party, scheme, period, currency, coalesce(entry.due_on, posting.due_on) AS due_on, sum(amount) AS charged
  FROM entry JOIN posting USING (posting_id) WHERE account = 'receivable' GROUP BY 1, 2, 3, 4, 5;
CREATE VIEW debt_summed AS
  SELECT party, scheme, period, currency, sum(charged) AS owed, min(due_on) FILTER (WHERE charged > 0) AS due_on
  FROM debt_day_summed GROUP BY party, scheme, period, currency;

CREATE TABLE account_balance (
  party          text COLLATE "C" NOT NULL,
  scheme         text COLLATE "C" NOT NULL,
  currency       char(3) NOT NULL,
  balance        numeric(20, 4) NOT NULL,
  postings       bigint NOT NULL,
  last_booked_on date NOT NULL,
  PRIMARY KEY (party, scheme, currency)
);
CREATE INDEX account_balance_largest ON account_balance (balance DESC, party, scheme, currency);

CREATE TABLE debt_day ( -- what is charged of a debt that is due on a day
  party    text COLLATE "C" NOT NULL,
  scheme   text COLLATE "C" NOT NULL,
  period   text COLLATE "C" NOT NULL,
  currency char(3) NOT NULL,
  due_on   date NOT NULL,
  charged  numeric(20, 4) NOT NULL,
  PRIMARY KEY (party, scheme, period, currency, due_on)
);

CREATE TABLE debt_balance (
  party    text COLLATE "C" NOT NULL,
  scheme   text COLLATE "C" NOT NULL,
  period   text COLLATE "C" NOT NULL,
  currency char(3) NOT NULL,
  owed     numeric(20, 4) NOT NULL, -- below nothing where too much was paid
  due_on   date, -- the first on which something is charged
  PRIMARY KEY (party, scheme, period, currency)
);
CREATE INDEX debt_balance_open ON debt_balance (due_on, period, party) WHERE owed > 0;

-- Rows are locked in the order of their keys, and a transaction writes entries in one statement: those who post at once wait
-- for one another and never in a circle. Who has the row of an account has the days and debts on it: the day a debt is due is
-- read when nobody else changes it.
CREATE FUNCTION keep_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_balance AS kept
    SELECT party, scheme, currency, sum(amount), count(DISTINCT posting_id), max(booked_on)
    FROM written JOIN posting USING (posting_id) WHERE account IN ('receivable', 'memo.at_sale', 'refund')
    GROUP BY party, scheme, currency ORDER BY party, scheme, currency
  ON CONFLICT (party, scheme, currency) DO UPDATE SET balance = kept.balance + EXCLUDED.balance,
    postings = kept.postings + EXCLUDED.postings, last_booked_on = greatest(kept.last_booked_on, EXCLUDED.last_booked_on);
  INSERT INTO debt_day AS kept
    SELECT party, scheme, period, currency, coalesce(written.due_on, posting.due_on), sum(amount)
    FROM written JOIN posting USING (posting_id)
    WHERE account = 'receivable' AND coalesce(written.due_on, posting.due_on) IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (party, scheme, period, currency, due_on) DO UPDATE SET charged = kept.charged + EXCLUDED.charged;
  INSERT INTO debt_balance AS kept
    SELECT party, scheme, period, currency, sum(amount), (SELECT min(due_on) FROM debt_day
      WHERE (debt_day.party, debt_day.scheme, debt_day.period, debt_day.currency)
        = (written.party, written.scheme, written.period, written.currency) AND charged > 0)
    FROM written WHERE account = 'receivable'
    GROUP BY party, scheme, period, currency ORDER BY party, scheme, period, currency
  ON CONFLICT (party, scheme, period, currency) DO UPDATE SET owed = kept.owed + EXCLUDED.owed, due_on = EXCLUDED.due_on;
  RETURN NULL;
END $$;
-- Made first: from here on nobody else writes entries until this migration is done.
CREATE TRIGGER entry_kept AFTER INSERT ON entry
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION keep_balances();
INSERT INTO account_balance SELECT * FROM account_summed;
INSERT INTO debt_day SELECT * FROM debt_day_summed WHERE due_on IS NOT NULL;
INSERT INTO debt_balance SELECT * FROM debt_summed;

CREATE INDEX entry_suspense ON entry (posting_id) WHERE account = 'suspense';

-- Numbers of statements without a gap: the next one is given when a statement is kept, and by one at a time. A sequence
-- would lose the number of whatever is broken off or found to be there.
ALTER TABLE statement ALTER COLUMN statement_no DROP IDENTITY;
CREATE FUNCTION number_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('statement_no', 0));
  SELECT coalesce(max(statement_no), 0) + 1 INTO NEW.statement_no FROM statement;
  RETURN NEW;
END $$;
CREATE TRIGGER statement_numbered BEFORE INSERT ON statement FOR EACH ROW EXECUTE FUNCTION number_statement();
