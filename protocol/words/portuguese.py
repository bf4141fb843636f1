# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Portuguese texts: what a rule says, and what follows from it."""

HEADINGS: dict[str, str] = {
    "kind": "O que é",
    "who": "Quem pode participar",
    "when": "Quando",
    "proposals": "O que se pode propor",
    "ballot": "Como se preenche o boletim",
    "winners": "Como se apuram os vencedores",
    "keys": "Quem guarda as chaves",
    "afterwards": "Depois de publicada",
}

CLAUSES: dict[str, tuple[str, str]] = {
    "kind.participatory-budget": (
        "Um orçamento participativo: as pessoas propõem em que gastar dinheiro público e votam nas propostas.",
        "As propostas vencedoras repartem o orçamento que as regras fixam. Os contratos contam os votos; que o "
        "dinheiro seja depois gasto é compromisso da entidade, que presta contas disso.",
    ),
    "kind.consultation": (
        "Uma consulta: as pessoas dizem o que pensam das opções.",
        "O resultado é publicado e comprovado, mas não obriga ninguém, salvo se a entidade o declarar noutro lugar.",
    ),
    "kind.contest": (
        "Um concurso: entregam-se candidaturas, um júri pode escolher entre elas, aceitando ou rejeitando com "
        "fundamento, e o público vota nas aceites.",
        "As decisões do júri são atos da entidade promotora na cadeia, cada um com o seu fundamento: todos os veem, e "
        "ninguém além da promotora neles participa.",
    ),
    "kind.internal-vote": (
        "Uma votação interna das pessoas de uma organização.",
        "Quem é de fora não se pode inscrever, mas pode verificar toda a contagem.",
    ),
    "kind.school-vote": (
        "Uma votação numa escola.",
        "Os alunos participam com uma identidade eletrónica própria ou não participam; confirme que a têm.",
    ),
    "age.between": (
        "Quem tiver pelo menos {least} e no máximo {most} anos em {on}.",
        "Quem for mais novo ou mais velho é recusado na inscrição. Só conta a data de nascimento que o emissor da "
        "identidade atesta.",
    ),
    "age.from": (
        "Quem tiver pelo menos {least} anos em {on}.",
        "Quem for mais novo é recusado na inscrição. Só conta a data de nascimento que o emissor da identidade atesta.",
    ),
    "age.to": (
        "Quem tiver no máximo {most} anos em {on}.",
        "Quem for mais velho é recusado na inscrição. Só conta a data de nascimento que o emissor da identidade "
        "atesta.",
    ),
    "scope.residence": (
        "Quem reside em {codes}.",
        "Quem mudou de residência sem o comunicar é recusado, ou conta onde o registo ainda o tem.",
    ),
    "scope.employer": (
        "Quem trabalha para {codes}.",
        "Vale o empregador que o emissor conhece; quem ele não conhece como trabalhador é recusado.",
    ),
    "scope.profession": (
        "Quem tem a profissão ou função {codes}.",
        "Quem não tem profissão ou função conhecida do emissor é recusado.",
    ),
    "scope.nationality": (
        "Quem tem a nacionalidade {codes}.",
        "Residentes de outras nacionalidades são recusados.",
    ),
    "assurance.low": (
        "Com uma identidade eletrónica de qualquer nível de garantia.",
        "Bastam identidades que nunca foram verificadas presencialmente; quem tiver várias poderia participar mais do "
        "que uma vez.",
    ),
    "assurance.substantial": (
        "Com uma identidade eletrónica de nível de garantia substancial ou elevado.",
        "Identidades de nível baixo são recusadas.",
    ),
    "assurance.high": (
        "Com uma identidade eletrónica de nível de garantia elevado.",
        "Só bastam identidades como um cartão com chip; quem tiver uma mais fraca é recusado.",
    ),
    "issuer": (
        "A identidade é atestada por {issuers}.",
        "Quem controlar este emissor poderia inventar pessoas; confia-se nele, e as provas guardadas permitem que um "
        "auditor o confirme.",
    ),
    "issuers": (
        "A identidade é atestada por {issuers}.",
        "Quem controlar qualquer um destes emissores poderia inventar pessoas. Quem tiver contas em vários emissores "
        "que não partilham os números das pessoas poderia inscrever-se mais do que uma vez.",
    ),
    "default-deny": (
        "Todas estas condições têm de se verificar em conjunto; o que aqui não é permitido é recusado.",
        "Um facto que o emissor não declara conta como não verificado.",
    ),
    "registration": (
        "As pessoas inscrevem-se, e entregam propostas, de {opens} a {closes} ({length}).",
        "Quem não se inscrever até lá não pode votar; depois ninguém pode ser acrescentado.",
    ),
    "review": (
        "Entre {opens} e {closes} ({length}) analisam-se as propostas e substituem-se dispositivos perdidos.",
        "Opções e custos são definitivos quando a votação abre. Uma proposta não aceite até então não vai a votos. Se "
        "nenhuma for aceite, a iniciativa é nula.",
    ),
    "voting": (
        "Vota-se de {opens} a {closes} ({length}).",
        "Um boletim que chegue à cadeia no segundo do fecho ou depois não conta.",
    ),
    "challenge": (
        "Depois do fecho há um período de {length} antes de se abrir seja o que for; a contagem começa em {opening}.",
        "Nesse tempo o consórcio pode reabrir a votação por moção, uma vez, se a cadeia esteve parada no fecho. "
        "Ninguém conhece um resultado parcial antes de ele terminar.",
    ),
    "extension.none": (
        "A votação não pode ser prolongada.",
        "Aconteça o que acontecer, a promotora não pode adiar o fecho; só o consórcio pode reabrir, por moção.",
    ),
    "extension.some": (
        "A votação pode ser prolongada uma vez, no máximo por {length}, até {latest}.",
        "A promotora tem de o propor e uma segunda entidade, recenseadora ou curadora, tem de concordar, ambas pelo "
        "menos 24 horas antes do fecho. Todos os relatórios o mostram.",
    ),
    "proposals.one": (
        "Cada pessoa pode entregar {limit} proposta.",
        "Uma segunda da mesma pessoa é recusada. Os autores não se distinguem pelo nome: a cadeia mostra uma etiqueta "
        "que não se liga ao voto.",
    ),
    "proposals.many": (
        "Cada pessoa pode entregar até {limit} propostas.",
        "Mais propostas da mesma pessoa são recusadas. Todas as propostas de uma pessoa têm a mesma etiqueta: vê-se "
        "que são da mesma, mas não de quem.",
    ),
    "moderation": (
        "A promotora aceita ou rejeita cada proposta, as rejeições com fundamento, na cadeia.",
        "Uma aceitação é definitiva e dá à opção o seu número, por ordem de aceitação. De uma rejeição pode "
        "recorrer-se, e pode seguir-se-lhe uma aceitação, até a votação abrir.",
    ),
    "costs": (
        "A promotora atribui um custo a cada proposta aceite e pode corrigi-lo, com fundamento, até a votação abrir.",
        "Com esta regra, os custos decidem quem vence. Quem os fixa deve poder mostrar como os calculou.",
    ),
    "ballot.single-choice": (
        "O boletim indica uma opção.",
        "Um boletim que indique várias é nulo.",
    ),
    "ballot.approval": (
        "O boletim indica as opções que o votante aprova; cada uma recebe um voto.",
        "Uma aprovação não pode ser mais forte para uma opção do que para outra.",
    ),
    "ballot.cumulative": (
        "O boletim dá pontos a opções.",
        "O votante pode mostrar a força de uma preferência, dando mais pontos a poucas opções.",
    ),
    "ballot.ordered": (
        "O boletim ordena opções, a melhor primeiro; cada lugar vale pontos.",
        "A ordem conta. Uma lista longa pode ser tão invulgar que sirva de assinatura, com que alguém provaria o seu "
        "voto a outrem: mantenha-a curta.",
    ),
    "ballot.knapsack": (
        "O boletim indica opções que se possam pagar em conjunto.",
        "O votante vê quanto custa o que deseja. Um boletim acima do limite é nulo.",
    ),
    "ballot.yes-no-abstain": (
        "O boletim responde sim, não ou nada a cada opção.",
        "Não responder é abster-se e não conta para nenhum dos lados.",
    ),
    "length.exactly": (
        "Tem de indicar exatamente {most}.",
        "Um boletim que indique menos ou mais é nulo; a página do votante não o deixa enviar.",
    ),
    "length.between": (
        "Pode indicar no mínimo {least} e no máximo {most}.",
        "Um boletim que indique menos ou mais é nulo; a página do votante não o deixa enviar.",
    ),
    "points": (
        "Cada opção indicada recebe de {each_least} a {each_most} pontos, no total de {sum_least} a {sum_most}.",
        "Um boletim fora destes limites é nulo.",
    ),
    "ranks": (
        "Os lugares valem, a partir do primeiro: {points} pontos.",
        "Só estes pontos se somam; a ordem não tem outro efeito.",
    ),
    "purse": (
        "As opções indicadas podem custar em conjunto no máximo {cost} unidades menores (como cêntimos).",
        "O limite é de cada boletim; o que por fim se gasta resulta da regra abaixo.",
    ),
    "blank": (
        "O voto em branco é possível e conta-se como tal.",
        "Conta para a participação, e para o quórum onde o há, mas não apoia ninguém.",
    ),
    "revote": (
        "Pode votar-se de novo até ao fecho; vale o último boletim.",
        "Todas as versões se tornam legíveis na abertura, agrupadas mas sem nome. Votar de novo só protege de pressões "
        "enquanto o outro não souber qual é o grupo do votante.",
    ),
    "allocation.greedy": (
        "Tomam-se as opções da pontuação mais alta para a mais baixa; financia-se cada uma cujo custo caiba no que "
        "resta das {budget} unidades menores, e passa-se à frente a que não couber.",
        "Uma opção barata pode vencer embora outra mais cara, com mais votos, não tenha cabido. Um grupo de votantes "
        "que esteja de acordo pode decidir todo o orçamento.",
    ),
    "allocation.greedy-no-skip": (
        "Tomam-se as opções da pontuação mais alta para a mais baixa, e financiam-se enquanto couberem no que resta "
        "das {budget} unidades menores; a primeira que não couber encerra a lista.",
        "Nenhuma opção vence por cima de outra com mais votos, mas pode sobrar dinheiro.",
    ),
    "allocation.greedy-threshold": (
        "Tomam-se, da pontuação mais alta para a mais baixa, as opções que atingem a pontuação mínima; financia-se "
        "cada uma cujo custo caiba no que resta das {budget} unidades menores, e passa-se à frente a que não couber.",
        "Opções abaixo da pontuação mínima nunca vencem, mesmo que sobre dinheiro.",
    ),
    "allocation.equal-shares": (
        "Cada votante recebe uma parte igual das {budget} unidades menores. Uma opção é comprada quando quem a "
        "escolheu a pode pagar em conjunto com as suas partes; vem primeiro a que menos custa por ponto a quem a "
        "apoia.",
        "Cada grupo de votantes decide sobre a sua parte do dinheiro. Em geral sobra algum, pois não se gastam as "
        "partes que nenhuma opção pôde usar.",
    ),
    "allocation.equal-shares-add1": (
        "Como nas partes iguais: cada votante recebe uma parte igual das {budget} unidades menores, e uma opção é "
        "comprada quando quem a apoia a pode pagar. Depois as partes crescem uma unidade menor por votante, vez após "
        "vez, até que o passo seguinte gastasse mais do que o orçamento.",
        "Cada grupo decide sobre a sua parte, e sobra pouco dinheiro. A aritmética é exata, mas numa votação grande "
        "não se segue à mão; qualquer pessoa a pode recalcular.",
    ),
    "allocation.top-k": (
        "Vencem as {winners} opções com pontuação mais alta, custem o que custarem.",
        "Uma opção que ninguém escolheu nunca vence, pelo que pode haver menos vencedores. Uma maioria que esteja de "
        "acordo pode ficar com todos os lugares.",
    ),
    "allocation.majority.simple": (
        "Uma opção vence quando tem mais sim do que não.",
        "Cada opção decide-se por si; podem vencer várias ou nenhuma. Opções contraditórias podem vencer ambas.",
    ),
    "allocation.majority.absolute": (
        "Uma opção vence quando mais de metade dos boletins válidos a indica.",
        "Com muitas opções pode acontecer que nenhuma vença. Não há segunda volta automática.",
    ),
    "threshold": (
        "Uma opção precisa de uma pontuação de pelo menos {threshold}.",
        "Abaixo disso não vence, mesmo que sobrem dinheiro ou lugares.",
    ),
    "quorum.none": (
        "Não há quórum.",
        "O resultado vale por poucos que participem, a partir do mínimo de boletins indicado abaixo.",
    ),
    "quorum.some": (
        "São precisos pelo menos {quorum} boletins válidos e em branco.",
        "Com menos, nada vence. Os boletins nulos não contam para isto.",
    ),
    "tie.option-number": (
        "De opções iguais vem primeiro a de número mais baixo.",
        "Os números seguem a ordem de aceitação das propostas: quem aceita decide os empates, sem o saber se a ordem "
        "for fixada antes.",
    ),
    "tie.lower-cost": (
        "De opções iguais vem primeiro a mais barata; depois, a de número mais baixo.",
        "Os empates favorecem opções baratas. Os custos ficam fixos quando a votação abre.",
    ),
    "tie.higher-cost": (
        "De opções iguais vem primeiro a mais cara; depois, a de número mais baixo.",
        "Os empates favorecem opções caras. Os custos ficam fixos quando a votação abre.",
    ),
    "registrars": (
        "As entidades {entities} verificam quem se inscreve; {k} destas {n} têm de assinar por cada pessoa.",
        "{k} delas em conluio poderiam inscrever pessoas que não existem ou que não podem votar, e só uma auditoria "
        "das provas o mostraria; {blocking} em conjunto poderiam parar a inscrição. Um número menor não pode nem uma "
        "coisa nem outra.",
    ),
    "trustees": (
        "As entidades {entities} guardam a chave; {t} destas {n} têm de agir em conjunto para abrir os boletins.",
        "{t} delas em conluio poderiam ler boletins antes do fecho, mas não saber de quem são; {blocking} em conjunto "
        "poderiam recusar-se, e então não há resultado. Um número menor não pode nem uma coisa nem outra.",
    ),
    "anonymity": (
        "Têm de se inscrever pelo menos {minimum} pessoas, e têm de votar pelo menos {minimum}.",
        "Com menos inscritos não há votação; com menos boletins nada é jamais aberto: a iniciativa é nula, para que "
        "ninguém seja descoberto num grupo pequeno.",
    ),
    "no-receipt-freeness": (
        "O voto é secreto para quem não tenha o dispositivo ou a frase de recuperação do votante.",
        "Quem vir a frase de recuperação pode ver todos os votos passados. Nada aqui impede que alguém vote sob o "
        "olhar de outrem.",
    ),
    "frozen": (
        "Nada disto pode ser alterado depois da publicação.",
        "Nem pela entidade, nem pelo consórcio, nem por nós. Antes de abrir a inscrição a promotora pode retirar toda "
        "a iniciativa; depois só uma moção do consórcio a pode anular, com um fundamento que todos veem.",
    ),
}
