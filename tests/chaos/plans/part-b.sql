INSERT INTO depot.trail VALUES ('part b'); CREATE VIEW depot.parts AS SELECT what FROM depot.trail;
