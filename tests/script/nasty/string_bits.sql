SELECT B'01', x'ff', X'1F', b'1'
'0';
SELECT B'';
