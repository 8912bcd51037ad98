-- The database as it stands on Tuesday morning, after Week 1: 43 tables, 42 foreign keys, 18 policies.
--
-- A workspace application for marketing teams, schema public: workspaces and the people in them, what they pay, the
-- audiences they speak to, the strategies, moves and quests they pursue, what they publish and how it did.
--
-- For demonstrations, rehearsals and tests only; it expects an empty schema. Every value is fixed or derived from a
-- counter, never from the clock or from chance, so that two databases made by this file hold the same rows.

-- ---------------------------------------------------------------------------------------------------------------------
-- What the platform brings: three roles, and who is logged in
-- ---------------------------------------------------------------------------------------------------------------------

-- Roles belong to the server, not to this database: they may be there already, also since a moment ago from a fixture
-- that is loaded beside this one.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END LOOP;
END;
$$;

CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;

CREATE FUNCTION auth.uid() RETURNS uuid
LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid;
$$;

COMMENT ON FUNCTION auth.uid() IS 'The user whose token came with the request; null without one';

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  -- Unconditional on purpose: an application that forgets, or lies about, updated_at is corrected here.
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Workspaces and people
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE users (
  id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  email      text        NOT NULL UNIQUE CHECK (email = lower(email)),
  full_name  text        NOT NULL,
  locale     text        NOT NULL DEFAULT 'en',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workspaces (
  id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text        NOT NULL,
  slug       text        NOT NULL UNIQUE,
  owner_id   uuid        NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workspace_members (
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role         text        NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member', 'guest')),
  joined_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, user_id)
);

CREATE TABLE workspace_invitations (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  email        text        NOT NULL,
  role         text        NOT NULL DEFAULT 'member',
  expires_at   timestamptz NOT NULL,
  accepted_at  timestamptz
);

CREATE TABLE user_sessions (
  id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  user_agent text,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at   timestamptz
);

CREATE TABLE api_keys (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  label        text        NOT NULL,
  key_hash     text        NOT NULL UNIQUE,
  revoked_at   timestamptz
);

-- No foreign keys: an entry outlives what it speaks of.
CREATE TABLE audit_log (
  id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id uuid        NOT NULL,
  actor_id     uuid,
  action       text        NOT NULL,
  detail       jsonb       NOT NULL DEFAULT '{}',
  at           timestamptz NOT NULL
);

CREATE TABLE feature_flags (
  name    text    PRIMARY KEY,
  enabled boolean NOT NULL DEFAULT false,
  rollout integer NOT NULL DEFAULT 0 CHECK (rollout BETWEEN 0 AND 100)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Billing
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE billing_plans (
  code          text    PRIMARY KEY,
  title         text    NOT NULL,
  monthly_cents integer NOT NULL CHECK (monthly_cents >= 0),
  seats         integer NOT NULL CHECK (seats > 0)
);

CREATE TABLE subscriptions (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  plan_code    text NOT NULL REFERENCES billing_plans (code),
  status       text NOT NULL CHECK (status IN ('trial', 'active', 'past_due', 'cancelled')),
  renews_on    date NOT NULL
);

CREATE TABLE invoices (
  id              uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  subscription_id uuid    NOT NULL REFERENCES subscriptions (id),
  number          text    NOT NULL UNIQUE,
  issued_on       date    NOT NULL,
  total_cents     integer NOT NULL CHECK (total_cents >= 0),
  paid            boolean NOT NULL DEFAULT false
);

CREATE TABLE invoice_items (
  invoice_id   uuid    NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
  position     integer NOT NULL,
  title        text    NOT NULL,
  amount_cents integer NOT NULL,
  PRIMARY KEY (invoice_id, position)
);

CREATE TABLE payment_methods (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  kind         text    NOT NULL CHECK (kind IN ('card', 'sepa', 'invoice')),
  last_four    char(4),
  is_default   boolean NOT NULL DEFAULT false
);

-- Written by the meter at a high rate: no foreign key.
CREATE TABLE usage_records (
  id           bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id uuid    NOT NULL,
  metric       text    NOT NULL,
  day          date    NOT NULL,
  amount       bigint  NOT NULL,
  UNIQUE (workspace_id, metric, day)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Audiences
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE cohorts (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         text        NOT NULL,
  description  text,
  health       integer     NOT NULL DEFAULT 50 CHECK (health BETWEEN 0 AND 100),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, name)
);

CREATE TABLE cohort_traits (
  cohort_id uuid NOT NULL REFERENCES cohorts (id) ON DELETE CASCADE,
  trait     text NOT NULL,
  value     text NOT NULL,
  PRIMARY KEY (cohort_id, trait)
);

CREATE TABLE contacts (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  email        text        NOT NULL,
  full_name    text        NOT NULL,
  score        integer     NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, email)
);

CREATE TABLE cohort_members (
  cohort_id  uuid NOT NULL REFERENCES cohorts (id) ON DELETE CASCADE,
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  PRIMARY KEY (cohort_id, contact_id)
);

CREATE TABLE personas (
  id           uuid  PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid  NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  cohort_id    uuid  REFERENCES cohorts (id) ON DELETE SET NULL,
  name         text  NOT NULL,
  portrait     jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE tags (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         text NOT NULL,
  UNIQUE (workspace_id, name)
);

CREATE TABLE contact_tags (
  contact_id uuid NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  tag_id     uuid NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (contact_id, tag_id)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Strategy
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE goals (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  title        text    NOT NULL,
  target       numeric NOT NULL,
  due_on       date    NOT NULL
);

CREATE TABLE strategies (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  goal_id      uuid        NOT NULL REFERENCES goals (id),
  title        text        NOT NULL,
  status       text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'done', 'dropped')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE moves (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  strategy_id  uuid        NOT NULL REFERENCES strategies (id) ON DELETE CASCADE,
  title        text        NOT NULL,
  status       text        NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'running', 'finished')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE move_steps (
  move_id  uuid    NOT NULL REFERENCES moves (id) ON DELETE CASCADE,
  position integer NOT NULL,
  title    text    NOT NULL,
  done     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (move_id, position)
);

CREATE TABLE move_results (
  id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  move_id     uuid        NOT NULL REFERENCES moves (id) ON DELETE CASCADE,
  outcome     text        NOT NULL CHECK (outcome IN ('hit', 'miss', 'open')),
  measured    numeric,
  measured_at timestamptz NOT NULL
);

CREATE TABLE quests (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  title        text    NOT NULL,
  reward       integer NOT NULL DEFAULT 10 CHECK (reward > 0)
);

CREATE TABLE quest_steps (
  quest_id uuid    NOT NULL REFERENCES quests (id) ON DELETE CASCADE,
  position integer NOT NULL,
  title    text    NOT NULL,
  PRIMARY KEY (quest_id, position)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Content, publishing, measuring
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE channels (
  id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  code  text NOT NULL UNIQUE,
  title text NOT NULL
);

CREATE TABLE channel_accounts (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  channel_id   uuid    NOT NULL REFERENCES channels (id),
  handle       text    NOT NULL,
  connected    boolean NOT NULL DEFAULT true
);

CREATE TABLE templates (
  code  text PRIMARY KEY,
  title text NOT NULL,
  body  text NOT NULL
);

CREATE TABLE content_items (
  id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid        NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  title        text        NOT NULL,
  body         text        NOT NULL,
  status       text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'review', 'approved', 'published')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE content_reviews (
  id              uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  content_item_id uuid        NOT NULL REFERENCES content_items (id) ON DELETE CASCADE,
  reviewer        text        NOT NULL,
  verdict         text        NOT NULL CHECK (verdict IN ('approve', 'change', 'reject')),
  at              timestamptz NOT NULL
);

CREATE TABLE assets (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         text NOT NULL,
  media_type   text NOT NULL
);

CREATE TABLE asset_versions (
  asset_id uuid    NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  version  integer NOT NULL CHECK (version > 0),
  bytes    bigint  NOT NULL,
  checksum text    NOT NULL,
  PRIMARY KEY (asset_id, version)
);

CREATE TABLE publications (
  id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  content_item_id    uuid        NOT NULL REFERENCES content_items (id),
  channel_account_id uuid        NOT NULL REFERENCES channel_accounts (id),
  published_at       timestamptz NOT NULL
);

CREATE TABLE metric_definitions (
  code  text PRIMARY KEY,
  title text NOT NULL,
  unit  text NOT NULL
);

CREATE TABLE publication_metrics (
  publication_id uuid    NOT NULL REFERENCES publications (id) ON DELETE CASCADE,
  metric         text    NOT NULL,
  day            date    NOT NULL,
  value          numeric NOT NULL,
  PRIMARY KEY (publication_id, metric, day)
);

CREATE TABLE experiments (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  hypothesis   text NOT NULL,
  status       text NOT NULL DEFAULT 'draft'
);

CREATE TABLE experiment_variants (
  experiment_id uuid    NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  label         text    NOT NULL,
  share         integer NOT NULL CHECK (share BETWEEN 0 AND 100),
  PRIMARY KEY (experiment_id, label)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Machinery
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE jobs (
  id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue     text        NOT NULL,
  payload   jsonb       NOT NULL DEFAULT '{}',
  state     text        NOT NULL DEFAULT 'waiting',
  run_after timestamptz NOT NULL
);

CREATE TABLE webhooks (
  id           uuid    PRIMARY KEY DEFAULT gen_random_uuid(),
  workspace_id uuid    NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  url          text    NOT NULL,
  active       boolean NOT NULL DEFAULT true
);

-- Kept when the webhook is gone: no foreign key.
CREATE TABLE webhook_deliveries (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  webhook_id uuid        NOT NULL,
  status     integer     NOT NULL,
  at         timestamptz NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Indexes (those of keys aside) and triggers
-- ---------------------------------------------------------------------------------------------------------------------

CREATE INDEX idx_workspaces_owner           ON workspaces (owner_id);
CREATE INDEX idx_workspace_members_user     ON workspace_members (user_id);
CREATE INDEX idx_workspace_invitations_open ON workspace_invitations (workspace_id) WHERE accepted_at IS NULL;
CREATE INDEX idx_user_sessions_user         ON user_sessions (user_id, started_at);
CREATE INDEX idx_api_keys_workspace         ON api_keys (workspace_id);
CREATE INDEX idx_audit_log_workspace_at     ON audit_log (workspace_id, at);
CREATE INDEX idx_subscriptions_workspace    ON subscriptions (workspace_id);
CREATE INDEX idx_invoices_subscription      ON invoices (subscription_id, issued_on);
CREATE INDEX idx_payment_methods_workspace  ON payment_methods (workspace_id);
CREATE INDEX idx_contacts_score             ON contacts (workspace_id, score);
CREATE INDEX idx_cohort_members_contact     ON cohort_members (contact_id);
CREATE INDEX idx_personas_workspace         ON personas (workspace_id);
CREATE INDEX idx_personas_cohort            ON personas (cohort_id);
CREATE INDEX idx_contact_tags_tag           ON contact_tags (tag_id);
CREATE INDEX idx_goals_workspace            ON goals (workspace_id, due_on);
CREATE INDEX idx_strategies_workspace       ON strategies (workspace_id, status);
CREATE INDEX idx_strategies_goal            ON strategies (goal_id);
CREATE INDEX idx_moves_workspace            ON moves (workspace_id, status);
CREATE INDEX idx_moves_strategy             ON moves (strategy_id);
CREATE INDEX idx_move_results_move          ON move_results (move_id, measured_at);
CREATE INDEX idx_quests_workspace           ON quests (workspace_id);
CREATE INDEX idx_channel_accounts_workspace ON channel_accounts (workspace_id);
CREATE INDEX idx_content_items_workspace    ON content_items (workspace_id, status);
CREATE INDEX idx_content_reviews_item       ON content_reviews (content_item_id);
CREATE INDEX idx_assets_workspace           ON assets (workspace_id);
CREATE INDEX idx_publications_item          ON publications (content_item_id);
CREATE INDEX idx_publications_account       ON publications (channel_account_id, published_at);
CREATE INDEX idx_experiments_workspace      ON experiments (workspace_id);
CREATE INDEX idx_jobs_waiting               ON jobs (queue, run_after) WHERE state = 'waiting';
CREATE INDEX idx_webhooks_workspace         ON webhooks (workspace_id);
CREATE INDEX idx_webhook_deliveries_webhook ON webhook_deliveries (webhook_id, at);

DO $$
DECLARE
  stamped text;
BEGIN
  FOREACH stamped IN ARRAY ARRAY['users', 'workspaces', 'cohorts', 'contacts', 'strategies', 'moves', 'content_items']
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION set_updated_at()',
                   'trg_' || stamped || '_updated_at', stamped);
  END LOOP;
END;
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Row security: 18 tables, a policy each; a user sees the workspaces that he or she is a member of
-- ---------------------------------------------------------------------------------------------------------------------

-- With its owner's rights: the policy of workspace_members asks it, and must not be asked by it.
CREATE FUNCTION user_workspaces() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public
AS $$
  SELECT workspace_id FROM workspace_members WHERE user_id = auth.uid();
$$;

COMMENT ON FUNCTION user_workspaces() IS 'The workspaces that the logged-in user is a member of';

ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspaces_members ON workspaces TO authenticated USING (id IN (SELECT user_workspaces()));

DO $$
DECLARE
  guarded text;
BEGIN
  FOREACH guarded IN ARRAY ARRAY[
    'workspace_members', 'api_keys', 'subscriptions', 'payment_methods', 'cohorts', 'personas', 'contacts', 'tags',
    'goals', 'strategies', 'moves', 'quests', 'channel_accounts', 'content_items', 'assets', 'experiments', 'webhooks']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('CREATE POLICY %I ON %I TO authenticated USING (workspace_id IN (SELECT user_workspaces()))',
                   guarded || '_members', guarded);
  END LOOP;
END;
$$;

GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO authenticated, service_role;

-- ---------------------------------------------------------------------------------------------------------------------
-- Rows. Workspace A is ...00a, workspace B ...00b; user ...0f1 is in A alone, ...0f2 in B alone.
-- ---------------------------------------------------------------------------------------------------------------------

-- The id of the n-th row of a kind; gone with this session.
CREATE FUNCTION pg_temp.id(kind text, n integer) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
  SELECT (left(md5(kind), 8) || '-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;
$$;

INSERT INTO users (id, email, full_name, locale, created_at, updated_at)
SELECT ('00000000-0000-0000-0000-0000000000f' || n)::uuid, 'user' || n || '@example.com',
       (ARRAY['Ada Brandt', 'Ben Okafor', 'Chiara Lund', 'Dev Patel', 'Eva Novak', 'Finn Roy', 'Gia Costa', 'Hal Moor'])[n],
       CASE WHEN n % 3 = 0 THEN 'it' ELSE 'en' END,
       '2024-01-08 08:00+00', '2024-01-08 08:00+00'
FROM generate_series(1, 8) AS n;

INSERT INTO workspaces (id, name, slug, owner_id, created_at, updated_at) VALUES
  ('00000000-0000-0000-0000-00000000000a', 'Alder & Co',  'alder',  '00000000-0000-0000-0000-0000000000f1',
   '2024-01-08 08:05+00', '2024-01-08 08:05+00'),
  ('00000000-0000-0000-0000-00000000000b', 'Birch Labs',  'birch',  '00000000-0000-0000-0000-0000000000f2',
   '2024-01-08 08:06+00', '2024-01-08 08:06+00'),
  ('00000000-0000-0000-0000-00000000000c', 'Cedar Foods', 'cedar',  '00000000-0000-0000-0000-0000000000f3',
   '2024-01-08 08:07+00', '2024-01-08 08:07+00');

-- Users 1, 4 and 7 in A; 2, 5 and 8 in B; 3 and 6 in C.
INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
SELECT w.id, u.id, CASE WHEN u.id = w.owner_id THEN 'owner' ELSE 'member' END, '2024-01-09 09:00+00'
FROM (SELECT id, owner_id, row_number() OVER (ORDER BY id) AS n FROM workspaces) AS w
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM users) AS u ON (u.n - w.n) % 3 = 0;

INSERT INTO workspace_invitations (id, workspace_id, email, expires_at)
SELECT pg_temp.id('invitation', n), w.id, 'guest' || n || '@example.com', '2024-03-01 00:00+00'
FROM workspaces AS w CROSS JOIN generate_series(1, 2) AS m CROSS JOIN LATERAL (SELECT ascii(w.slug) * 10 + m AS n) AS k;

INSERT INTO user_sessions (id, user_id, user_agent, started_at)
SELECT pg_temp.id('session', u.n * 10 + s), u.id, 'Mozilla/5.0', '2024-02-01 07:00+00'::timestamptz + s * interval '1 day'
FROM (SELECT id, row_number() OVER (ORDER BY id)::int AS n FROM users) AS u CROSS JOIN generate_series(1, 4) AS s;

INSERT INTO api_keys (id, workspace_id, label, key_hash)
SELECT pg_temp.id('key', ascii(slug)), id, 'importer', md5('key of ' || slug) FROM workspaces;

INSERT INTO audit_log (workspace_id, actor_id, action, detail, at)
SELECT w.id, w.owner_id, (ARRAY['login', 'invite', 'publish', 'export'])[1 + n % 4], jsonb_build_object('n', n),
       '2024-01-15 10:00+00'::timestamptz + n * interval '1 hour'
FROM workspaces AS w CROSS JOIN generate_series(1, 40) AS n ORDER BY w.id, n;

INSERT INTO feature_flags VALUES ('codex', false, 0), ('quests', true, 100), ('new-editor', true, 25);

INSERT INTO billing_plans VALUES
  ('starter', 'Starter', 2900, 3), ('team', 'Team', 9900, 12), ('scale', 'Scale', 24900, 50);
INSERT INTO subscriptions (id, workspace_id, plan_code, status, renews_on)
SELECT pg_temp.id('subscription', ascii(slug)), id, CASE slug WHEN 'alder' THEN 'team' ELSE 'starter' END, 'active',
       '2024-03-08' FROM workspaces;
INSERT INTO invoices (id, subscription_id, number, issued_on, total_cents, paid)
SELECT pg_temp.id('invoice', m * 1000 + row_number() OVER (ORDER BY s.id)::int), s.id,
       format('2024-%s-%s', lpad(m::text, 2, '0'), row_number() OVER (PARTITION BY m ORDER BY s.id)),
       make_date(2024, m, 8), p.monthly_cents, true
FROM subscriptions AS s JOIN billing_plans AS p ON p.code = s.plan_code CROSS JOIN generate_series(1, 2) AS m;
INSERT INTO invoice_items SELECT id, 1, 'Subscription', total_cents FROM invoices;
INSERT INTO payment_methods (id, workspace_id, kind, last_four, is_default)
SELECT pg_temp.id('payment', ascii(slug)), id, 'card', '4242', true FROM workspaces;
INSERT INTO usage_records (workspace_id, metric, day, amount)
SELECT w.id, m, d::date, ascii(w.slug) + extract(day FROM d)::int
FROM workspaces AS w CROSS JOIN unnest(ARRAY['publications', 'seats']) AS m
CROSS JOIN generate_series('2024-01-10'::timestamp, '2024-02-05', '1 day') AS d ORDER BY w.id, m, d;

INSERT INTO cohorts (id, workspace_id, name, description, health, created_at, updated_at)
SELECT pg_temp.id('cohort', ascii(w.slug) * 10 + n), w.id,
       (ARRAY['Founders', 'Heads of Growth', 'Agencies', 'Shop owners'])[n], 'People who would miss us', 40 + 10 * n,
       '2024-01-10 09:00+00', '2024-01-20 09:00+00'
FROM workspaces AS w CROSS JOIN generate_series(1, 4) AS n;
INSERT INTO cohort_traits SELECT id, t, 'high' FROM cohorts CROSS JOIN unnest(ARRAY['budget', 'urgency']) AS t;
INSERT INTO contacts (id, workspace_id, email, full_name, score, created_at, updated_at)
SELECT pg_temp.id('contact', ascii(w.slug) * 1000 + n), w.id, format('contact%s@%s.example', n, w.slug),
       'Contact ' || n, n * 7 % 100, '2024-01-11 09:00+00', '2024-01-21 09:00+00'
FROM workspaces AS w CROSS JOIN generate_series(1, 120) AS n;
INSERT INTO cohort_members (cohort_id, contact_id)
SELECT c.id, k.id FROM (SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY id) AS n FROM contacts) AS k
JOIN (SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY id) AS n FROM cohorts) AS c
  ON c.workspace_id = k.workspace_id AND k.n % 4 = c.n % 4;
INSERT INTO personas (id, workspace_id, cohort_id, name, portrait)
SELECT pg_temp.id('persona', row_number() OVER (ORDER BY id)::int), workspace_id, id, 'The one in ' || name,
       '{"fear": "wasted budget", "hope": "a calm quarter"}' FROM cohorts;
INSERT INTO tags (id, workspace_id, name)
SELECT pg_temp.id('tag', ascii(w.slug) * 10 + n), w.id, (ARRAY['warm', 'event', 'partner'])[n]
FROM workspaces AS w CROSS JOIN generate_series(1, 3) AS n;
INSERT INTO contact_tags (contact_id, tag_id)
SELECT k.id, t.id FROM contacts AS k JOIN tags AS t ON t.workspace_id = k.workspace_id
WHERE t.name = 'warm' AND k.score >= 60 OR t.name = 'event' AND k.score % 2 = 0;

INSERT INTO goals (id, workspace_id, title, target, due_on)
SELECT pg_temp.id('goal', ascii(w.slug) * 10 + n), w.id, (ARRAY['Sign-ups', 'Trials that stay'])[n], 100 * n, '2024-06-30'
FROM workspaces AS w CROSS JOIN generate_series(1, 2) AS n;
INSERT INTO strategies (id, workspace_id, goal_id, title, status, created_at, updated_at)
SELECT pg_temp.id('strategy', row_number() OVER (ORDER BY id)::int), workspace_id, id, 'Be found by ' || lower(title),
       'active', '2024-01-12 09:00+00', '2024-01-22 09:00+00' FROM goals;
INSERT INTO moves (id, workspace_id, strategy_id, title, status, created_at, updated_at)
SELECT pg_temp.id('move', (row_number() OVER (ORDER BY s.id, n))::int), s.workspace_id, s.id, 'Move ' || n,
       (ARRAY['finished', 'finished', 'running', 'planned'])[n], '2024-01-13 09:00+00', '2024-01-23 09:00+00'
FROM strategies AS s CROSS JOIN generate_series(1, 4) AS n;
INSERT INTO move_steps SELECT id, n, 'Step ' || n, status = 'finished' FROM moves CROSS JOIN generate_series(1, 3) AS n;
-- Of each strategy's decided results three of four are hits: 75 %.
INSERT INTO move_results (id, move_id, outcome, measured, measured_at)
SELECT pg_temp.id('result', (row_number() OVER (ORDER BY m.id, n))::int), m.id,
       CASE WHEN m.status = 'running' THEN 'open' WHEN m.title = 'Move 2' AND n = 2 THEN 'miss' ELSE 'hit' END,
       10 * n, '2024-01-30 12:00+00'::timestamptz + n * interval '1 hour'
FROM moves AS m CROSS JOIN generate_series(1, 2) AS n WHERE m.status <> 'planned';
INSERT INTO quests (id, workspace_id, title, reward)
SELECT pg_temp.id('quest', ascii(w.slug) * 10 + n), w.id, (ARRAY['First launch', 'Ten interviews', 'A month of posts'])[n],
       10 * n FROM workspaces AS w CROSS JOIN generate_series(1, 3) AS n;
INSERT INTO quest_steps SELECT id, n, 'Part ' || n FROM quests CROSS JOIN generate_series(1, 2) AS n;

INSERT INTO channels (id, code, title) VALUES
  (pg_temp.id('channel', 1), 'mail', 'Newsletter'), (pg_temp.id('channel', 2), 'blog', 'Blog'),
  (pg_temp.id('channel', 3), 'social', 'Social network'), (pg_temp.id('channel', 4), 'ads', 'Search ads');
INSERT INTO channel_accounts (id, workspace_id, channel_id, handle)
SELECT pg_temp.id('account', (row_number() OVER (ORDER BY w.id, c.code))::int), w.id, c.id, w.slug || '-' || c.code
FROM workspaces AS w CROSS JOIN channels AS c;
INSERT INTO templates VALUES ('launch', 'Launch post', 'We made {{thing}}.'), ('digest', 'Digest', 'This week: {{list}}');
INSERT INTO content_items (id, workspace_id, title, body, status, created_at, updated_at)
SELECT pg_temp.id('content', ascii(w.slug) * 100 + n), w.id, 'Post ' || n, repeat('A sentence that somebody wrote. ', 20),
       CASE WHEN n % 3 = 0 THEN 'draft' ELSE 'published' END, '2024-01-14 09:00+00', '2024-01-24 09:00+00'
FROM workspaces AS w CROSS JOIN generate_series(1, 30) AS n;
INSERT INTO content_reviews (id, content_item_id, reviewer, verdict, at)
SELECT pg_temp.id('review', (row_number() OVER (ORDER BY id))::int), id, 'Hal Moor', 'approve', '2024-01-24 10:00+00'
FROM content_items WHERE status = 'published';
INSERT INTO assets (id, workspace_id, name, media_type)
SELECT pg_temp.id('asset', ascii(w.slug) * 10 + n), w.id, 'logo-' || n || '.svg', 'image/svg+xml'
FROM workspaces AS w CROSS JOIN generate_series(1, 4) AS n;
INSERT INTO asset_versions SELECT id, v, 2048 * v, md5(name || v) FROM assets CROSS JOIN generate_series(1, 2) AS v;
INSERT INTO publications (id, content_item_id, channel_account_id, published_at)
SELECT pg_temp.id('publication', (row_number() OVER (ORDER BY i.id))::int), i.id, a.id, '2024-01-25 08:00+00'
FROM content_items AS i JOIN channel_accounts AS a ON a.workspace_id = i.workspace_id AND a.handle LIKE '%-blog'
WHERE i.status = 'published';
INSERT INTO metric_definitions VALUES ('views', 'Views', 'count'), ('clicks', 'Clicks', 'count');
INSERT INTO publication_metrics (publication_id, metric, day, value)
SELECT p.id, m.code, '2024-01-26'::date + d, 5 * d + length(m.code)
FROM publications AS p CROSS JOIN metric_definitions AS m CROSS JOIN generate_series(0, 6) AS d;
INSERT INTO experiments (id, workspace_id, hypothesis, status)
SELECT pg_temp.id('experiment', ascii(slug)), id, 'A shorter page keeps more people', 'running' FROM workspaces;
INSERT INTO experiment_variants SELECT id, v, 50 FROM experiments CROSS JOIN unnest(ARRAY['A', 'B']) AS v;

INSERT INTO jobs (queue, payload, state, run_after)
SELECT 'mail', jsonb_build_object('n', n), CASE WHEN n <= 20 THEN 'done' ELSE 'waiting' END, '2024-02-06 06:00+00'
FROM generate_series(1, 25) AS n;
INSERT INTO webhooks (id, workspace_id, url)
SELECT pg_temp.id('webhook', ascii(slug)), id, 'https://' || slug || '.example/hook' FROM workspaces;
INSERT INTO webhook_deliveries (webhook_id, status, at)
SELECT id, 200, '2024-02-05 12:00+00'::timestamptz + n * interval '1 minute'
FROM webhooks CROSS JOIN generate_series(1, 10) AS n ORDER BY id, n;

ANALYZE;
