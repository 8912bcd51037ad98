-- Schemas that a publication takes whole; from server 15.
SELECT 'published schema ' || n.pnnspid::regnamespace || ' in publication ' || quote_ident(p.pubname), 'published'
FROM pg_publication_namespace n JOIN pg_publication p ON p.oid = n.pnpubid
