SELECT 'a

;
  -- b
';
