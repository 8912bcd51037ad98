INSERT INTO depot.trail VALUES ('part a');
