# SPDX-License-Identifier: AGPL-3.0-or-later
"""Portuguese: what is wrong with a field of a draft ("o campo …"), and what to do."""

FAULTS: dict[str, tuple[str, str]] = {
    # The form
    "missing": ("falta", "Acrescente o campo."),
    "unknown": ("não é conhecido", "Retire-o ou corrija o nome."),
    "not-an-object": ("não é um objeto", "Escreva-o como {{…}} com os campos que a documentação enumera."),
    "not-a-list": ("não é uma lista", "Escreva-o como [ … ]."),
    "not-a-number": (
        "não é um número inteiro abaixo de 2^{bits}",
        "Escreva só algarismos, sem ponto, expoente ou sinal; números grandes podem ir entre aspas.",
    ),
    "not-one-of": ("é {value}, mas tem de ser um de {names}", "Escolha um destes nomes."),
    "not-a-text": ("não é um texto de 1 a {limit} caracteres imprimíveis", "Escreva um texto numa só linha."),
    "too-many-bytes": ("tem mais de {limit} bytes em UTF-8", "Encurte-o; cada letra acentuada ocupa dois bytes."),
    "no-scope": ("não é um predicado: {reason}", "Veja em docs/protocol/encodings.md os critérios e a sua forma."),
    "unreadable": ("não é JSON legível: {reason}", "Corrija o ficheiro."),
    "file-too-long": ("tem mais de {limit} bytes", "Retire o que não pertence ao rascunho."),
    # The rules
    "InvalidWindows: registration opens in the past": (
        "não está no futuro",
        "Escolha um momento posterior; conte com os dias que a aprovação demora.",
    ),
    "InvalidWindows: no registration": ("não é depois da abertura da inscrição", "Escolha um momento posterior."),
    "InvalidWindows: no review": ("não é depois do fecho da inscrição", "Deixe tempo entre os dois para a análise."),
    "InvalidWindows: no voting": ("não é depois da abertura da votação", "Escolha um momento posterior."),
    "InvalidWindows: too far ahead": (
        "fica a mais de dez anos",
        "Confirme o ano, e que os tempos estão em segundos.",
    ),
    "InvalidWindows: challenge period too short": ("é menos de uma hora", "Use 3600 segundos ou mais."),
    "InvalidWindows: challenge period too long": ("é mais de 30 dias", "Use 2592000 segundos ou menos."),
    "InvalidWindows: extension too long": ("é mais de 90 dias", "Use 7776000 segundos ou menos."),
    "InvalidWindows: ceremony step too short": ("é menos de 10 minutos", "Use 600 segundos ou mais."),
    "InvalidWindows: no time for the ceremony": (
        "é tão longo que dois não terminam antes de a votação abrir",
        "Encurte-o, ou abra a votação mais tarde.",
    ),
    "InvalidBallotRules: minLength is 0": (
        "é 0",
        "Use 1 ou mais; quem nada quer dizer pode votar em branco.",
    ),
    "InvalidBallotRules: maxLength is 0": ("é 0", "Use 1 ou mais."),
    "InvalidBallotRules: minLength > maxLength": ("é mais do que max-length", "Baixe-o, ou suba max-length."),
    "InvalidBallotRules: maxLength > 1024": ("é mais de 1024", "Baixe-o."),
    "InvalidBallotRules: single choice names one option": (
        "não é 1, e uma escolha única indica uma opção",
        "Use 1, ou o tipo de boletim approval.",
    ),
    "InvalidBallotRules: maxCost is for knapsack": (
        "falta num boletim knapsack, ou foi dado para outro tipo",
        "Indique-o para um boletim knapsack, e só para esse.",
    ),
    "InvalidBallotRules: points are for cumulative": (
        "ou outro limite de pontos foi dado, mas só boletins cumulative têm pontos",
        "Retire min-points, max-points, min-sum-points e max-sum-points, ou use o tipo cumulative.",
    ),
    "InvalidBallotRules: ballot too long": (
        "torna os boletins mais longos do que a cadeia aceita",
        "Baixe-o: no máximo 509 em boletins cumulative e 1019 em ordered.",
    ),
    "InvalidBallotRules: maxPoints is 0": ("é 0", "Diga quantos pontos pode receber uma opção."),
    "InvalidBallotRules: minPoints > maxPoints": ("é mais do que max-points", "Baixe-o, ou suba max-points."),
    "InvalidBallotRules: maxSumPoints is 0": ("é 0", "Diga quantos pontos pode dar um boletim ao todo."),
    "InvalidBallotRules: minSumPoints > maxSumPoints": (
        "é mais do que max-sum-points",
        "Baixe-o, ou suba max-sum-points.",
    ),
    "InvalidBallotRules: sum of points out of reach": (
        "e min-sum-points não deixam boletim que os cumpra",
        "Ajuste as somas ao número de opções e aos pontos de cada uma.",
    ),
    "InvalidBallotRules: pointsPerRank is for ordered": (
        "foi dado, mas só boletins ordered têm lugares",
        "Retire-o, ou use o tipo ordered.",
    ),
    "InvalidBallotRules: pointsPerRank needs maxLength entries": (
        "não tem tantas entradas como max-length diz",
        "Indique os pontos de cada lugar, a partir do primeiro.",
    ),
    "InvalidBallotRules: pointsPerRank is all 0": ("só tem zeros", "Dê pontos pelo menos ao primeiro lugar."),
    "InvalidAllocationRules: budget": (
        "falta, ou foi dado para uma regra que o não tem",
        "Indique-o em unidades menores (cêntimos) para greedy e equal-shares; retire-o em top-k e majority.",
    ),
    "InvalidAllocationRules: budget too large": ("é 2^128 ou mais", "Escreva-o em unidades menores da moeda."),
    "InvalidAllocationRules: threshold": (
        "falta em greedy-threshold",
        "Indique a pontuação mínima, ou use a regra greedy.",
    ),
    "InvalidAllocationRules: winners": (
        "falta em top-k, ou foi dado para outra regra",
        "Indique o número de vencedores em top-k, e só aí.",
    ),
    "InvalidAllocationRules: winners > 1024": ("é mais de 1024", "Baixe-o."),
    "InvalidAllocationRules: quorum": (
        "foi dado, mas só majority tem quórum",
        "Retire-o, ou use a regra majority.",
    ),
    "InvalidRegistrars: more than 32": ("tem mais de 32 entidades", "Indique menos."),
    "InvalidRegistrars: k < 2": (
        "é menos de 2",
        "Use 2 ou mais: nenhuma entidade pode decidir sozinha quem vota.",
    ),
    "InvalidRegistrars: k > n": ("é mais do que os recenseadores que há", "Baixe-o, ou indique mais recenseadores."),
    "InvalidRegistrars: not ascending": (
        "não é crescente, ou indica uma entidade duas vezes",
        "Ordene os números, cada um uma vez e a partir de 1.",
    ),
    "InvalidRegistrars: not active": (
        "indica uma entidade que o consórcio não tem ou suspendeu",
        "Veja em `urna status` as entidades ativas.",
    ),
    "InvalidTrustees: more than 32": ("tem mais de 32 entidades", "Indique menos."),
    "InvalidTrustees: t < 2": ("é menos de 2", "Use 2 ou mais: nenhuma entidade pode abrir boletins sozinha."),
    "InvalidTrustees: 2t - 1 > n": (
        "é mais do que metade dos curadores permite",
        "Baixe-o, ou indique mais curadores: com t são precisos pelo menos 2t - 1.",
    ),
    "InvalidTrustees: not ascending": (
        "não é crescente, ou indica uma entidade duas vezes",
        "Ordene os números, cada um uma vez e a partir de 1.",
    ),
    "InvalidTrustees: not active": (
        "indica uma entidade que o consórcio não tem ou suspendeu",
        "Veja em `urna status` as entidades ativas.",
    ),
    "InvalidTrustees: no trustee key": (
        "indica uma entidade que não registou chave de curador",
        "Essa entidade tem primeiro de executar `urna trustee run`.",
    ),
    "MinimumAnonymityTooSmall": (
        "está abaixo do mínimo do consórcio, {floor}",
        "Suba-o para {floor} ou mais.",
    ),
    "InvalidRules: minAnonymity > 2^20": (
        "é mais do que cabe num recenseamento",
        "Baixe-o; um recenseamento tem 1 048 576 lugares.",
    ),
    "InvalidRules: proposalsPerPerson is 0": (
        "é 0",
        "Use 1 ou mais; para não admitir propostas de fora, rejeite as que vierem.",
    ),
    "InvalidRules: pepperHash is 0": ("falta", "É criado quando a iniciativa se publica."),
    "InvalidRules: no issuer": ("não indica emissor de identidade", "Indique o emissor como no iss das credenciais."),
    "InvalidRules: more than 16 issuers": ("tem mais de 16", "Indique menos."),
    "InvalidRules: issuer": ("indica um vazio ou com mais de 256 bytes", "Escreva-o como no iss das credenciais."),
}
