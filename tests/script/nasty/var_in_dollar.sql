\set x 5
SELECT $$:x$$, $a$:'x'$a$, '::x', E':x';
