-- one

  	-- two
SELECT 1; -- three
/* four */ SELECT 2; /* five */
-- six
