SELECT E'it\'s; ok', E'\\', e'\\\'', E'\n;';
SELECT E'a''b\'';
