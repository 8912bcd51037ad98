SELECT U&'d\0061t\+000061;', u&'\;' UESCAPE '!';
SELECT U&"d\0061;t" FROM (SELECT 1 AS "da;t") s;
