META
key;value
description;Orçamento Participativo de Vila Nova (dados sintéticos)
country;Portugal
unit;Vila Nova
instance;2026
num_projects;8
num_votes;40
budget;90000
vote_type;approval
rule;equalshares/add1
date_begin;02.03.2026
date_end;15.03.2026
min_length;1
max_length;4
language;pt
currency;EUR
experimental;1
comment;#1: Synthetic, made by scripts/make_sample
PROJECTS
project_id;cost;name;votes;selected;category
P1;24000;Parque infantil inclusivo no Jardim da Fonte;12;0;espaço público
P2;18500;Ciclovia entre a escola e a estação;9;0;mobilidade
P3;9000;Horta comunitária do Bairro do Sol;19;1;ambiente
P4;30000;Cobertura do ringue de patinagem;15;1;desporto
P5;6500;Oficina de reparação: traz e arranja;15;1;economia circular
P6;12000;Bancos e sombra no caminho do centro de saúde;16;1;espaço público
P7;4000;Noites de cinema ao ar livre;14;1;cultura
P8;15000;"Carrinha solidária; transporte a pedido";10;1;mobilidade
VOTES
voter_id;vote
v01;P1,P3,P7
v02;P4,P5,P6
v03;P2,P3,P6
v04;P3,P7,P8
v05;P3,P6,P7,P8
v06;P2,P4
v07;P1,P3,P4,P5
v08;P2,P4
v09;P2,P4,P7
v10;P1,P2,P4,P5
v11;P3,P6
v12;P5,P6,P8
v13;P5,P6,P8
v14;P4
v15;P2,P4,P7
v16;P3,P4,P7
v17;P7
v18;P1,P6,P8
v19;P1,P3,P5
v20;P1
v21;P2,P4,P5,P6
v22;P3,P5,P6
v23;P4,P5,P7
v24;P4,P7
v25;P1,P6,P8
v26;P3,P5,P6,P8
v27;P1,P7
v28;P1,P6
v29;P2,P3
v30;P3,P6,P8
v31;P4,P5
v32;P1,P7
v33;P3,P6,P7
v34;P1,P3,P7
v35;P3,P5,P8
v36;P2,P3,P4
v37;P3,P5,P6
v38;P3,P6,P8
v39;P3,P5,P7
v40;P1,P4,P5
