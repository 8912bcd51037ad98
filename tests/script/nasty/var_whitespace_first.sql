\set x '  '
:x SELECT 1;
