CREATE TABLE t (a text);
SELECT 'back\slash ''quote''' AS v \gset
SET standard_conforming_strings = off;
INSERT INTO t VALUES (:'v'), ('a\'b;');
SELECT 'x\\y' AS w \gset
INSERT INTO t VALUES (:'w');
SET standard_conforming_strings = on;
INSERT INTO t VALUES (:'v'), (:'w'), ('c\');
