SELECT 1; \echo after
SELECT 2 \echo open
;
