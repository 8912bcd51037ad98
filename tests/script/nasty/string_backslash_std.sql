SELECT 'a\'; SELECT 'b\\';
