--
-- PostgreSQL database dump
--

\restrict Ab12

-- Dumped

SET statement_timeout = 0;
SET lock_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

SET default_table_access_method = heap;

--
-- Name: t; Type: TABLE
--

CREATE TABLE public.t (
    a integer NOT NULL,
    b text
);


--
-- Data for Name: t
--

COPY public.t (a, b) FROM stdin;
1	x
2	\N
\.


ALTER TABLE ONLY public.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (a);


--
-- done
--

\unrestrict Ab12

