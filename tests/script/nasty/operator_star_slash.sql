SELECT 2*/* c */3; SELECT 7%/**/2;
