\set größe 3
SELECT :größe, :'größe';
