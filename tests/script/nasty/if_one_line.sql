\if true \\ SELECT 1; \else \\ SELECT 2; \endif
SELECT 3;
