SELECT N'a;b', n'it''s';
