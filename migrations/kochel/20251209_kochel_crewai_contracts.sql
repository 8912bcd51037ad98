-- Kochel integration: the contracts of the four planning crews.
--
-- Adds      leo_interfaces: 4 rows under KOCHEL-INTEGRATION; unique index idx_leo_interfaces_prd_name
-- Runs      in one transaction. Running it again changes nothing.
-- Undone by the statements in the plan: the rows, then the index.

-- ---------------------------------------------------------------------------------------------------------------------
-- 1. The key comes first: without it ON CONFLICT has nothing to conflict with, and a second run doubles the contracts.
--    Should two interfaces of one document share a name already, this fails before anything is inserted.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE UNIQUE INDEX IF NOT EXISTS idx_leo_interfaces_prd_name
  ON leo_interfaces (prd_id, name);

COMMENT ON INDEX idx_leo_interfaces_prd_name IS 'A document names each of its interfaces once';

-- ---------------------------------------------------------------------------------------------------------------------
-- 2. The contracts. Ids and dates are fixed, so that a rehearsal inserts the same rows as the real window.
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO leo_interfaces (id, prd_id, name, kind, version, spec, validation_status, created_at) VALUES
  ('0c4e1000-0000-4000-8000-000000000001', 'KOCHEL-INTEGRATION', 'journey-map-generator-v1', 'crew_contract', '1.0.0',
   '{
      "contract_id": "journey-map-generator-v1",
      "trigger_stages": [2, 3],
      "trigger_mode": "automatic",
      "input_artifacts": ["idea_brief", "interview_notes"],
      "output_artifact": "user_journey_map",
      "error_handling": {"timeout_ms": 120000, "retries": 2, "on_failure": "ask_owner"}
    }', 'valid', '2025-12-09 00:00:00+00'),
  ('0c4e1000-0000-4000-8000-000000000002', 'KOCHEL-INTEGRATION', 'route-map-suggester-v1', 'crew_contract', '1.0.0',
   '{
      "contract_id": "route-map-suggester-v1",
      "trigger_stages": [11],
      "trigger_mode": "on_request",
      "input_artifacts": ["user_journey_map", "launch_channels"],
      "output_artifact": "route_map",
      "error_handling": {"timeout_ms": 90000, "retries": 1, "on_failure": "skip"}
    }', 'valid', '2025-12-09 00:00:00+00'),
  ('0c4e1000-0000-4000-8000-000000000003', 'KOCHEL-INTEGRATION', 'epic-planner-v1', 'crew_contract', '1.0.0',
   '{
      "contract_id": "epic-planner-v1",
      "trigger_stages": [15],
      "trigger_mode": "automatic",
      "input_artifacts": ["route_map", "architecture", "data_model"],
      "output_artifact": "backlog",
      "error_handling": {"timeout_ms": 180000, "retries": 2, "on_failure": "ask_owner"}
    }', 'valid', '2025-12-09 00:00:00+00'),
  ('0c4e1000-0000-4000-8000-000000000004', 'KOCHEL-INTEGRATION', 'build-planner-v1', 'crew_contract', '1.0.0',
   '{
      "contract_id": "build-planner-v1",
      "trigger_stages": [16, 17],
      "trigger_mode": "after_gate",
      "input_artifacts": ["backlog", "specification"],
      "output_artifact": "build_plan",
      "error_handling": {"timeout_ms": 240000, "retries": 1, "on_failure": "stop"}
    }', 'valid', '2025-12-09 00:00:00+00')
ON CONFLICT (prd_id, name) DO NOTHING;
